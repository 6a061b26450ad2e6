import { STATEMENT_TYPE } from '../../../contracts/decision-statement.ts';
import { dependencies, filesBeside, modelSubject, type VersionOrigin } from './provenance.ts';

/** The run that judged a version which a registry client brought. */
export interface EvaluationRun {
  readonly runId: string;
  /** As it was recorded: snapshot, rows, project, policy, and what the client told of itself. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly artifacts: Readonly<Record<string, { readonly sha256: string }>>;
  readonly startedAt: string;
  readonly endedAt: string | null;
}

export const EVALUATION_TYPE = 'urn:superstep:evaluation:v1';

/** An in-toto statement of how the environment judged a file that it did not build: on which rows, with which figures. */
export function evaluationStatement(origin: VersionOrigin, run: EvaluationRun) {
  const { runId, inputs, metrics, artifacts, startedAt, endedAt } = run;
  return {
    _type: STATEMENT_TYPE,
    subject: modelSubject(origin),
    predicateType: EVALUATION_TYPE,
    predicate: {
      evaluator: { id: `urn:superstep:environment:${origin.environment}` },
      run: { id: runId, workflowId: inputs['workflowId'] ?? null, startedOn: startedAt, finishedOn: endedAt },
      inputs,
      metrics,
      resolvedDependencies: dependencies(inputs),
      files: filesBeside(origin, artifacts),
    },
  };
}
