import { STATEMENT_TYPE } from '../../../contracts/decision-statement.ts';
import { type Dependency, dependencies, type VersionOrigin } from './provenance.ts';

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
export function evaluationStatement({ environment, model, version, onnx }: VersionOrigin, run: EvaluationRun) {
  const { runId, inputs, metrics, artifacts, startedAt, endedAt } = run;
  const files: Dependency[] = Object.entries(artifacts)
    .filter(([, { sha256 }]) => sha256 !== onnx?.sha256)
    .map(([name, { sha256 }]) => ({ name, digest: { sha256 } }));
  return {
    _type: STATEMENT_TYPE,
    subject: onnx === null ? [] : [{ name: `${model}/${version}/model.onnx`, digest: { sha256: onnx.sha256 } }],
    predicateType: EVALUATION_TYPE,
    predicate: {
      evaluator: { id: `urn:superstep:environment:${environment}` },
      run: { id: runId, workflowId: inputs['workflowId'] ?? null, startedOn: startedAt, finishedOn: endedAt },
      inputs,
      metrics,
      resolvedDependencies: dependencies(inputs),
      files,
    },
  };
}
