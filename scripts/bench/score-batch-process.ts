import { join } from 'node:path';
import { buildDataset } from '../../lakehouse/dataset.ts';
import { publishPredictions } from '../../lakehouse/predictions.ts';
import { scoreFile } from '../../serving/score-file.ts';
import { ALL_KNOWN, flightsBundle, type LakeJob, withLake } from './flights.ts';
import { runMeasuredJob } from './measured-child.ts';

export interface ScoreBatchJob extends LakeJob {
  readonly snapshot: number;
  readonly from: string;
  readonly until: string;
  readonly modelFile: string;
  readonly sha256: string;
  /** Different for each run, or the second finds the first one's commit. */
  readonly key: string;
}

/** All that `scoreBatch` does with a window: join the features, score, publish. CPU seconds of each part. */
await runMeasuredJob(async (job: ScoreBatchJob, report) => {
  const { bundle } = await flightsBundle();
  const { snapshot, from, until, modelFile, sha256, threads } = job;
  const datasetFile = join(job.folder, `${job.key}.parquet`);
  const scoresFile = join(job.folder, `${job.key}.scores.parquet`);
  return withLake(job, async (lake) => {
    const join = await cpuOf(() =>
      buildDataset(lake, bundle, {
        ...{ snapshot, refreshedAsOf: ALL_KNOWN, asOf: ALL_KNOWN, from, until },
        withLabels: false,
        file: datasetFile,
      }),
    );
    const score = await cpuOf(() =>
      scoreFile({ modelFile, sha256, inputFile: datasetFile, outputFile: scoresFile, threads }, report),
    );
    const publish = await cpuOf(() =>
      publishPredictions(lake, {
        ...{ key: job.key, project: bundle.definition.project, model: bundle.definition.project, version: 1 },
        ...{ modelSha256: sha256, snapshot, asOf: ALL_KNOWN, from, until, datasetFile, scoresFile },
      }),
    );
    return { rows: score.value.rows, joinCpu: join.seconds, scoreCpu: score.seconds, publishCpu: publish.seconds };
  });
});

/** CPU seconds of all threads of this process while the work ran. */
async function cpuOf<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, seconds: (user + system) / 1e6 };
}
