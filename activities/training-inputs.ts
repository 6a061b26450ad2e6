import type { ClientOrigin } from '../contracts/evidence.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import type { ParityResult, Trigger } from '../contracts/train-model.ts';
import type { DatasetRef, ModelFile, PinnedProject, TuningTrial } from '../contracts/training.ts';
import { MODEL_FILE, MODEL_FOLDER } from '../registry/mlmodel.ts';
import type { ModelVersion } from '../registry/model-versions.ts';
import type { Registry } from '../registry/registry.ts';
import type { Run } from '../registry/tracking.ts';

/** What a training run was made from and how it went, as the registry keeps it with the run. */
export interface TrainingInputs {
  readonly pinned: PinnedProject;
  readonly dataset: DatasetRef;
  /** Null where nothing was there to hold the file against. */
  readonly parity: ParityResult | null;
  readonly trigger: Trigger;
  readonly workflowId: string;
  readonly params: Readonly<Record<string, string | number>>;
  readonly trials: readonly TuningTrial[];
  /** Of a version that a registry client brought: the run evaluated it, and did not train it. */
  readonly client?: ClientOrigin & { readonly version: number };
  /** Names of the model's inputs, where its file has none. */
  readonly columns?: readonly string[];
}

/** Where a version comes from. */
export interface Lineage {
  readonly run: Run;
  readonly inputs: TrainingInputs;
  readonly onnx: ArtifactRef;
}

/**
 * The lineage of a version: of the run that trained it here, or of the one that evaluated what a client brought.
 *
 * @throws UnknownModel for one that came in otherwise and was at no gate yet
 */
export async function readLineage(registry: Registry, version: ModelVersion): Promise<Lineage> {
  const found = await findLineage(registry, version);
  if (found !== undefined) return found;
  throw new SuperstepError(
    'UnknownModel',
    `${version.model} version ${version.version} has no lineage to an ONNX file, data and project; expected a version that trainModel registered, or that promoteModel has evaluated: start promoteModel for it`,
    { model: version.model, version: version.version },
  );
}

/** The same; undefined where there is none. */
export async function findLineage(registry: Registry, version: ModelVersion): Promise<Lineage | undefined> {
  // A client's version may have got its file after it was registered.
  const onnx = version.onnx ?? (await registry.resolveVersionArtifact(version.model, version.version));
  if (onnx === null) return undefined;
  const trained = await lineageOf(registry, version, version.runId, onnx);
  if (trained !== undefined) return trained;
  return lineageOf(registry, version, await registry.evaluationRun(version.model, version.version), onnx);
}

/** A registry client may name any run beside any file: what a run's record says holds for the file that it is about. */
async function lineageOf(
  registry: Registry,
  { version }: ModelVersion,
  runId: string | null,
  onnx: ArtifactRef,
): Promise<Lineage | undefined> {
  if (runId === null) return undefined;
  const run = await registry.getRun(runId);
  const inputs = run.inputs as Partial<TrainingInputs>;
  if (inputs.pinned === undefined || inputs.dataset === undefined) return undefined;
  if (inputs.client !== undefined && inputs.client.version !== version) return undefined;
  return modelFileOf(run)?.sha256 === onnx.sha256 ? { run, inputs: inputs as TrainingInputs, onnx } : undefined;
}

/** A version's model to score with. */
export function modelFile({ onnx, inputs: { columns } }: Pick<Lineage, 'onnx' | 'inputs'>): ModelFile {
  return { onnx, ...(columns === undefined ? {} : { features: columns }) };
}

/** Whether a run is one of the engine's that made this very file; not one that judged it, or that a client names beside it. */
export function hasMade(run: Run, onnx: { readonly sha256: string }): boolean {
  const { pinned, client } = run.inputs as Partial<TrainingInputs>;
  return pinned !== undefined && client === undefined && modelFileOf(run)?.sha256 === onnx.sha256;
}

/** The ONNX file that a training run made. Runs of before had it beside their other files. */
function modelFileOf({ artifacts }: Run): ArtifactRef | undefined {
  return artifacts[`${MODEL_FOLDER}/${MODEL_FILE}`] ?? artifacts[MODEL_FILE];
}

/** An artifact of a training run by its name. */
export function artifactOf(run: Run, name: string): ArtifactRef {
  const ref = run.artifacts[name];
  if (ref !== undefined) return ref;
  throw new SuperstepError(
    'UnknownModel',
    `run ${run.runId} has no artifact ${name}; expected a version that trainModel registered`,
  );
}
