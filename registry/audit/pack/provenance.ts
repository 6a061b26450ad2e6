import { STATEMENT_TYPE } from '../../../contracts/decision-statement.ts';

/** Where a version came from; what is not known is null. */
export interface VersionOrigin {
  readonly environment: string;
  readonly model: string;
  readonly version: number;
  readonly onnx: { readonly sha256: string } | null;
  /** Of the training run, as it was recorded: snapshot, dataset, project, policy, seed, libraries. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, string>>;
  /** Files of the run by name. */
  readonly artifacts: Readonly<Record<string, { readonly sha256: string }>>;
  readonly runId: string | null;
  readonly workflowId: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
/** Names the kind of build: how to read `externalParameters`. */
const BUILD_TYPE = 'urn:superstep:train-model:v1';

/** An in-toto statement of how the model file was built, in the shape of SLSA provenance v1. */
export function provenanceStatement(origin: VersionOrigin) {
  const { model, version, onnx, inputs, artifacts } = origin;
  return {
    _type: STATEMENT_TYPE,
    subject: onnx === null ? [] : [{ name: `${model}/${version}/model.onnx`, digest: { sha256: onnx.sha256 } }],
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { project: model, params: origin.params },
        internalParameters: inputs,
        resolvedDependencies: dependencies(inputs),
      },
      runDetails: {
        builder: { id: `urn:superstep:environment:${origin.environment}` },
        metadata: {
          invocationId: origin.workflowId ?? origin.runId ?? 'unknown',
          ...(origin.startedAt === null ? {} : { startedOn: origin.startedAt }),
          ...(origin.endedAt === null ? {} : { finishedOn: origin.endedAt }),
        },
        byproducts: Object.entries(artifacts)
          .filter(([, { sha256 }]) => sha256 !== onnx?.sha256)
          .map(([name, { sha256 }]) => ({ name, digest: { sha256 } })),
      },
    },
  };
}

interface Dependency {
  readonly name: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** Project, commit and policy as the run pinned them, and whatever else among its inputs is a file with a sha256. */
function dependencies(inputs: Readonly<Record<string, unknown>>): Dependency[] {
  const pinned = (inputs['pinned'] ?? {}) as Readonly<Record<string, unknown>>;
  const named = (name: string, algorithm: string, digest: unknown): Dependency[] =>
    typeof digest === 'string' ? [{ name, digest: { [algorithm]: digest } }] : [];
  return [
    ...named('project', 'sha256', pinned['projectDigest']),
    ...named('policy', 'sha256', pinned['policyDigest']),
    ...named('source', 'gitCommit', pinned['commit']),
    ...files(inputs, ''),
  ];
}

/** Found by their shape, for what a run reads grows. */
function files(value: unknown, path: string): Dependency[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('sha256' in value && typeof value.sha256 === 'string') {
    const uri = 'uri' in value && typeof value.uri === 'string' ? { uri: value.uri } : {};
    return [{ name: path, ...uri, digest: { sha256: value.sha256 } }];
  }
  return Object.entries(value).flatMap(([key, inner]) => files(inner, path === '' ? key : `${path}.${key}`));
}
