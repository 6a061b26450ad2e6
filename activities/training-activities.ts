import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { CheckParityInput, ParityResult, TrainModelJob } from '../contracts/train-model.ts';
import type { TrainedModel } from '../contracts/training.ts';
import type { TrainJob, TrainJobResult } from '../learning/train-model.ts';
import { PARITY_TOLERANCE } from '../registry/compliance-gate.ts';
import { runChildProcess, withScratchFolder } from './child-process.ts';
import type { DataDependencies } from './data-dependencies.ts';
import { reportProgress } from './heartbeat.ts';
import { measureParity } from './measure-parity.ts';
import { readBundle } from './pinned-bundles.ts';

export type TrainingActivities = ReturnType<typeof createTrainingActivities>;

const TRAIN_PROCESS = fileURLToPath(new URL(`../learning/train-process${import.meta.url.slice(-3)}`, import.meta.url));

/** Training in a child process, and the check that the artifact says what the trainer said. */
export function createTrainingActivities({ lake, artifacts, lightgbmLib, threads }: DataDependencies) {
  return {
    async trainModel({ pinned, dataset }: TrainModelJob): Promise<TrainedModel> {
      const { definition } = await readBundle(artifacts, pinned);
      const { trainer, features, label, split } = definition.training;
      return withScratchFolder(lake.scratchFolder, async (folder) => {
        const job: TrainJob = {
          lightgbmLib,
          datasetFile: artifacts.path(dataset.data),
          features,
          label,
          holdoutFrom: dataset.holdoutFrom,
          holdout: split.holdout,
          params: trainer.params,
          ...(trainer.tune === undefined ? {} : { tune: trainer.tune }),
          seed: trainer.seed,
          threads,
          metadata: { snapshot: dataset.snapshot, project_digest: pinned.projectDigest, as_of: dataset.asOf },
          outFolder: folder,
        };
        const { files, ...trained } = await runChildProcess<TrainJobResult>({
          entry: TRAIN_PROCESS,
          job,
          folder,
          signal: Context.current().cancellationSignal,
          onProgress: reportProgress,
        });
        return {
          ...trained,
          onnx: await artifacts.putFile(files.onnx),
          native: await artifacts.putFile(files.native),
          paritySample: await artifacts.putFile(files.paritySample),
          importance: await artifacts.putFile(files.importance),
        };
      });
    },

    /** Scores a held-out sample through the serving predictor and holds it against the trainer's own scores. */
    async checkParity({ trained }: CheckParityInput): Promise<ParityResult> {
      const { onnx, paritySample: sample } = trained;
      const parity = await measureParity({ artifacts, scratchFolder: lake.scratchFolder }, { onnx, sample, threads });
      // Written so that a NaN fails as well.
      if (!(parity.maxDifference <= PARITY_TOLERANCE)) {
        throw new SuperstepError(
          'ParityFailed',
          `the ONNX artifact differs from the trainer by up to ${parity.maxDifference} on ${parity.rows} held-out rows; ` +
            `expected at most ${PARITY_TOLERANCE}. The artifact and the sample are kept: ${onnx.uri}, ${sample.uri}`,
          { maxDifference: parity.maxDifference, onnx: onnx.uri, paritySample: sample.uri },
        );
      }
      return parity;
    },
  };
}
