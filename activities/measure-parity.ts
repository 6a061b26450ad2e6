import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import type { ArtifactRef } from '../contracts/references.ts';
import type { ParityResult } from '../contracts/train-model.ts';
import type { ModelFile } from '../contracts/training.ts';
import type { ParitySample } from '../learning/model-files.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import { PARITY_TOLERANCE } from '../registry/compliance-gate.ts';
import { runChildProcess, withScratchFolder } from './child-process.ts';
import { reportProgress } from './heartbeat.ts';

const PARITY_PROCESS = fileURLToPath(new URL(`../serving/parity-process${import.meta.url.slice(-3)}`, import.meta.url));

/** What the parity process answers. */
interface Measured {
  readonly maxDifference: number;
}

export interface ParityMeasurement extends ModelFile {
  /** The trainer's own scores of some rows: a {@link ParitySample}. */
  readonly sample: ArtifactRef;
  readonly threads: number;
}

/**
 * How far the serving predictor's scores lie from the trainer's own, over a sample that the trainer left. Measured in a
 * child process, as scoring is: the file may come from anywhere.
 */
export async function measureParity(
  { artifacts, scratchFolder }: { readonly artifacts: ArtifactStore; readonly scratchFolder: string },
  { onnx, sample, threads, features }: ParityMeasurement,
): Promise<ParityResult> {
  const { rows, scores } = await artifacts.readJson<ParitySample>(sample);
  const { maxDifference } = await withScratchFolder(scratchFolder, (folder) =>
    runChildProcess<Measured>({
      entry: PARITY_PROCESS,
      job: {
        modelFile: artifacts.path(onnx),
        sha256: onnx.sha256,
        ...(features === undefined ? {} : { inputNames: features }),
        rows,
        scores,
        threads,
      },
      folder,
      signal: Context.current().cancellationSignal,
      onProgress: reportProgress,
    }),
  );
  return { rows: rows.length, maxDifference, tolerance: PARITY_TOLERANCE };
}
