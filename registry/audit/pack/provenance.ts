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
  /** Null for a version that was trained here. */
  readonly client: ClientClaims | null;
}

/** What a registry client said of a version that it brought; nobody here saw how it was built. */
export interface ClientClaims {
  /** As the client wrote it. */
  readonly source: string;
  /** The run that it named; it may be anybody's. */
  readonly runId: string | null;
  /** Empty for one without a name. */
  readonly registeredBy: string;
  /** How it showed who it is, as the audit has it; null where the audit has no such row. */
  readonly proof: string | null;
  /** ISO instant. */
  readonly registeredAt: string;
  /** Of the code that ran, as a tag of its run says. */
  readonly commit: string | null;
}

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
/** The kinds of build: how to read `externalParameters`. */
const TRAINED_HERE = 'urn:superstep:train-model:v1';
const BROUGHT_BY_CLIENT = 'urn:superstep:registered-by-client:v1';

/**
 * An in-toto statement of how the model file was built, in the shape of SLSA provenance v1. Of a file that a client
 * brought it says what the client said, and that the builder is not known.
 */
export function provenanceStatement(origin: VersionOrigin) {
  return {
    _type: STATEMENT_TYPE,
    subject: modelSubject(origin),
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: origin.client === null ? trainedHere(origin) : broughtByClient(origin, origin.client),
      runDetails: {
        builder: { id: origin.client === null ? `urn:superstep:environment:${origin.environment}` : UNKNOWN_BUILDER },
        metadata: {
          invocationId: origin.workflowId ?? origin.runId ?? 'unknown',
          ...(origin.startedAt === null ? {} : { startedOn: origin.startedAt }),
          ...(origin.endedAt === null ? {} : { finishedOn: origin.endedAt }),
        },
        byproducts: filesBeside(origin, origin.artifacts),
      },
    },
  };
}

/** What a statement of a version is about: its ONNX file; nothing for a version without one. */
export function modelSubject({ model, version, onnx }: VersionOrigin): Dependency[] {
  return onnx === null ? [] : [{ name: `${model}/${version}/model.onnx`, digest: { sha256: onnx.sha256 } }];
}

/** The files of a run but the model itself. */
export function filesBeside({ onnx }: VersionOrigin, files: VersionOrigin['artifacts']): Dependency[] {
  return Object.entries(files)
    .filter(([, { sha256 }]) => sha256 !== onnx?.sha256)
    .map(([name, { sha256 }]) => ({ name, digest: { sha256 } }));
}

const UNKNOWN_BUILDER = 'urn:superstep:builder:unknown';

function trainedHere({ model, params, inputs }: VersionOrigin) {
  return {
    buildType: TRAINED_HERE,
    externalParameters: { project: model, params },
    internalParameters: inputs,
    resolvedDependencies: dependencies(inputs),
  };
}

function broughtByClient({ params, inputs }: VersionOrigin, { commit, ...client }: ClientClaims) {
  return {
    buildType: BROUGHT_BY_CLIENT,
    externalParameters: { ...client, params },
    internalParameters: inputs,
    resolvedDependencies:
      commit === null ? [] : [{ name: 'source, as the client says', digest: { gitCommit: commit } }],
  };
}

export interface Dependency {
  readonly name: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** Project, commit and policy as the run pinned them, and whatever else among its inputs is a file with a sha256. */
export function dependencies(inputs: Readonly<Record<string, unknown>>): Dependency[] {
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
