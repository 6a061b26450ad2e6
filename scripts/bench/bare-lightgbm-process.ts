import { loadLightGbm } from '../../learning/lightgbm.ts';
import { openMatrixReader } from '../../learning/matrix.ts';
import type { TrainJob } from '../../learning/train-model.ts';
import { runMeasuredJob } from './measured-child.ts';

// As in the training process; LightGBM reads it when it is loaded.
process.env['OMP_WAIT_POLICY'] ??= 'PASSIVE';

/** The limit of training: binning and growing on the same rows, already in memory. The seconds are LightGBM's alone. */
await runMeasuredJob(async (job: TrainJob) => {
  const { datasetFile: file, features, label, threads, params } = job;
  const lightgbm = loadLightGbm(job.lightgbmLib);
  const reader = await openMatrixReader({ file, features, label }, threads);
  const { matrix, labels } = await reader.read({ until: job.holdoutFrom });
  reader.close();
  const started = performance.now();
  const before = process.cpuUsage();
  const set = lightgbm.createTrainingSet(matrix, labels, features, job);
  const iterations = Number(params['num_iterations']);
  const booster = await lightgbm.train(set, { ...job, iterations }, () => Promise.resolve());
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  booster.free();
  set.free();
  return { seconds, cpuSeconds: (user + system) / 1e6, rows: labels.length };
});
