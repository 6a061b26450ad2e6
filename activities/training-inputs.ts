import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import type { ParityResult, Trigger } from '../contracts/train-model.ts';
import type { DatasetRef, PinnedProject, TuningTrial } from '../contracts/training.ts';
import { MODEL_FILE, MODEL_FOLDER } from '../registry/mlmodel.ts';
import type { ModelVersion } from '../registry/model-versions.ts';
import type { Registry } from '../registry/registry.ts';
import type { Run } from '../registry/tracking.ts';

/** What a training run was made from and how it went, as the registry keeps it with the run. */
export interface TrainingInputs {
  readonly pinned: PinnedProject;
  readonly dataset: DatasetRef;
  readonly parity: ParityResult;
  readonly trigger: Trigger;
  readonly workflowId: string;
  readonly params: Readonly<Record<string, string | number>>;
  readonly trials: readonly TuningTrial[];
}

/** Where a version comes from. */
export interface Lineage {
  readonly run: Run;
  readonly inputs: TrainingInputs;
  readonly onnx: ArtifactRef;
}

/** The lineage of a version that `trainModel` registered; `UnknownModel` for one that came in otherwise. */
export async function readLineage(registry: Registry, version: ModelVersion): Promise<Lineage> {
  const run = version.runId === null ? undefined : await registry.getRun(version.runId);
  const inputs = run?.inputs as Partial<TrainingInputs> | undefined;
  // A client's version may have got its file after it was registered.
  const onnx = version.onnx ?? (await registry.resolveVersionArtifact(version.model, version.version));
  if (run === undefined || onnx === null || inputs?.pinned === undefined || inputs.dataset === undefined) {
    throw new SuperstepError(
      'UnknownModel',
      `${version.model} version ${version.version} has no lineage to an ONNX file, data and project; expected a version that trainModel registered`,
      { model: version.model, version: version.version },
    );
  }
  // A registry client may name any run beside any file: what the run's record says holds for the file that it made.
  const made = modelFileOf(run)?.sha256;
  if (made !== onnx.sha256) {
    throw new SuperstepError(
      'ChecksumMismatch',
      `${version.model} version ${version.version} stands for ONNX ${onnx.sha256}, its run ${run.runId} made ${made ?? 'none'}; register the file with the run that made it`,
      { model: version.model, version: version.version, expected: made ?? null, found: onnx.sha256 },
    );
  }
  return { run, inputs: inputs as TrainingInputs, onnx };
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
