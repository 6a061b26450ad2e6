import { mkdir } from 'node:fs/promises';
import type { ReportProgress } from '../contracts/child-process.ts';
import { durationMs, shiftInstant } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { TuningTrial } from '../contracts/training.ts';
import { loadLightGbm, type Booster, type LightGbm, type LightGbmParams } from './lightgbm.ts';
import { openMatrixReader, type MatrixReader, type RowRange } from './matrix.ts';
import { writeModelFiles, type ModelFiles } from './model-files.ts';
import { aucOfCounts, scoreBin, scoreHistogram } from './score-histogram.ts';
import { bestTrial, proposeTrials } from './tuning.ts';

export interface TrainJob {
  /** Path of LightGBM's C library. */
  readonly lightgbmLib: string;
  /** Parquet: `event_time`, the label (0/1, rows without one are left out) and the features as numbers. */
  readonly datasetFile: string;
  readonly features: readonly string[];
  readonly label: string;
  /** First instant of the held-out window (ISO); rows before it train. */
  readonly holdoutFrom: string;
  /** Length of the held-out window, for example `14d`. @default from holdoutFrom to the last row */
  readonly holdout?: string;
  /** LightGBM's parameters, `num_iterations` among them. */
  readonly params: LightGbmParams;
  /** Random search before the final training. */
  readonly tune?: {
    readonly trials: number;
    /** At most this many rows to fit a trial, and at most this many to validate it. */
    readonly max_rows: number;
  };
  readonly seed: number;
  readonly threads: number;
  /** Written into the ONNX file. Nothing that differs between two equal runs. */
  readonly metadata: Readonly<Record<string, string | number>>;
  readonly outFolder: string;
}

export interface TrainJobResult {
  readonly params: Readonly<Record<string, string | number>>;
  readonly trials: readonly TuningTrial[];
  readonly trainRows: number;
  readonly holdoutRows: number;
  readonly files: ModelFiles;
}

/**
 * Tunes, trains on the rows before the held-out window and writes the model's files. Equal jobs give equal bytes, for
 * any number of threads. Trials never see the held-out window: they train on what lies before the window of the same
 * length right before it, and are judged on that.
 *
 * Errors: `EmptyDataset` (no rows, one label only), `SchemaMismatch`, `InvalidInput` (a label that is not 0 or 1),
 * `TrainingDiverged`.
 */
export async function trainModel(job: TrainJob, report: ReportProgress): Promise<TrainJobResult> {
  const { datasetFile: file, features, label, holdoutFrom, threads } = job;
  await report(0, 1, 'reading the dataset');
  const lightgbm = loadLightGbm(job.lightgbmLib);
  const reader = await openMatrixReader({ file, features, label }, threads);
  try {
    const training = { until: holdoutFrom };
    const heldOut = { from: holdoutFrom };
    const trainRows = await checkedRows(reader, training, `before ${holdoutFrom}, to train on`);
    const holdoutRows = await checkedRows(reader, heldOut, `from ${holdoutFrom} on, to hold out`);
    const trials = job.tune === undefined ? [] : await tune(lightgbm, reader, job, job.tune, report);
    const params = trials[bestTrial(trials)]?.params ?? job.params;
    const booster = await fit(lightgbm, reader, training, job, params, report, 'training');
    try {
      const iterations = iterationsOf(params);
      await report(iterations, iterations, 'writing the model');
      await mkdir(job.outFolder, { recursive: true });
      const files = await writeModelFiles(booster, reader, heldOut, job, report);
      return { params, trials, trainRows, holdoutRows, files };
    } finally {
      booster.free();
    }
  } finally {
    reader.close();
  }
}

async function tune(
  lightgbm: LightGbm,
  reader: MatrixReader,
  job: TrainJob,
  { trials: count, max_rows: maxRows }: NonNullable<TrainJob['tune']>,
  report: ReportProgress,
): Promise<TuningTrial[]> {
  const validateFrom = shiftInstant(job.holdoutFrom, -(await holdoutLength(reader, job)));
  const fitting = { until: validateFrom, maxRows };
  const validating = { from: validateFrom, until: job.holdoutFrom, maxRows };
  await checkedRows(reader, fitting, `before ${validateFrom}, to fit trials on`);
  await checkedRows(reader, validating, `from ${validateFrom} until ${job.holdoutFrom}, to validate trials on`);
  const { matrix, labels } = await reader.read(fitting);
  const validation = await reader.read(validating);
  const set = lightgbm.createTrainingSet(matrix, labels, job.features, job);
  try {
    const trials: TuningTrial[] = [];
    for (const [index, params] of proposeTrials(job.params, count, job.seed).entries()) {
      const iterations = iterationsOf(params);
      const booster = await lightgbm.train(set, { ...job, params, iterations }, (done) =>
        report(done, iterations, `trial ${index + 1} of ${count}: tree ${done} of ${iterations}`),
      );
      try {
        trials.push({ params, auc: aucOf(booster.predict(validation.matrix, 'response'), validation.labels) });
      } finally {
        booster.free();
      }
    }
    return trials;
  } finally {
    set.free();
  }
}

async function holdoutLength(reader: MatrixReader, job: TrainJob): Promise<number> {
  if (job.holdout !== undefined) return durationMs(job.holdout);
  const last = await reader.lastEventTime();
  return Date.parse(last ?? job.holdoutFrom) - Date.parse(job.holdoutFrom);
}

/** The matrix lives only in here: once binned it is garbage, before the first tree grows. */
async function fit(
  lightgbm: LightGbm,
  reader: MatrixReader,
  range: RowRange,
  job: TrainJob,
  params: LightGbmParams,
  report: ReportProgress,
  what: string,
): Promise<Booster> {
  const iterations = iterationsOf(params);
  const set = await readTrainingSet(lightgbm, reader, range, job);
  try {
    return await lightgbm.train(set, { ...job, params, iterations }, (done, loss) => {
      const note = loss === undefined ? '' : `, log loss ${loss.toFixed(4)}`;
      return report(done, iterations, `${what}: tree ${done} of ${iterations}${note}`);
    });
  } finally {
    set.free();
  }
}

async function readTrainingSet(lightgbm: LightGbm, reader: MatrixReader, range: RowRange, job: TrainJob) {
  const { matrix, labels } = await reader.read(range);
  return lightgbm.createTrainingSet(matrix, labels, job.features, job);
}

async function checkedRows(reader: MatrixReader, range: RowRange, where: string): Promise<number> {
  const { rows, positives, badLabels } = await reader.summarize(range);
  if (badLabels > 0) {
    throw new SuperstepError(
      'InvalidInput',
      `${badLabels} of ${rows} rows ${where}, have a label that is neither 0 nor 1; change the label's SQL`,
      { rows, badLabels },
    );
  }
  if (rows === 0 || positives === 0 || positives === rows) {
    const found = rows === 0 ? 'no labelled rows' : `${rows} rows that all have label ${positives === 0 ? 0 : 1}`;
    throw new SuperstepError(
      'EmptyDataset',
      `there are ${found} ${where}; expected rows with both labels. Move the as-of instant or change the held-out window`,
      { rows, positives, ...range },
    );
  }
  return rows;
}

function iterationsOf(params: LightGbmParams): number {
  return Number(params['num_iterations'] ?? 100);
}

function aucOf(scores: Float64Array, labels: Float32Array): number {
  const rows = Array.from(scores, (score, row) => ({
    day: '',
    label: labels[row] ?? Number.NaN,
    bin: scoreBin(score),
    count: 1,
  }));
  return aucOfCounts(scoreHistogram(rows).total);
}
