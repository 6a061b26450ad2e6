import { openMatrixReader } from '../../learning/matrix.ts';
import { loadPredictor } from '../../serving/predictor.ts';
import { percentile } from './figures.ts';
import { runMeasuredJob } from './measured-child.ts';

export interface PredictorJob {
  readonly modelFile: string;
  readonly sha256: string;
  /** Parquet with the features and a label. */
  readonly rowsFile: string;
  readonly label: string;
  readonly batchRows: number;
  readonly threads: number;
}

export interface PredictorAlone {
  readonly rows: number;
  /** For all rows, in batches, out of memory. */
  readonly cpuSeconds: number;
  /** Of one row at a time, in milliseconds. */
  readonly oneRowP50: number;
  readonly oneRowP99: number;
}

const ONE_ROW_RUNS = 5_000;
const WARM_UP_RUNS = 500;

/** The limit of scoring and of the endpoint: onnxruntime on rows that are in memory already. */
await runMeasuredJob(async (job: PredictorJob): Promise<PredictorAlone> => {
  const predictor = await loadPredictor(job.modelFile, { threads: job.threads, expectedSha256: job.sha256 });
  const { features } = predictor;
  const reader = await openMatrixReader({ file: job.rowsFile, features, label: job.label }, job.threads);
  const { matrix } = await reader.read({});
  reader.close();
  const width = features.length;
  const before = process.cpuUsage();
  for (let row = 0; row < matrix.rows; row += job.batchRows) {
    const count = Math.min(job.batchRows, matrix.rows - row);
    await predictor.predict(matrix.values.subarray(row * width, (row + count) * width), count);
  }
  const { user, system } = process.cpuUsage(before);
  await predictor.release();

  const single = await loadPredictor(job.modelFile, { threads: 1, expectedSha256: job.sha256 });
  const times: number[] = [];
  for (let run = 0; run < WARM_UP_RUNS + ONE_ROW_RUNS; run++) {
    const row = run % matrix.rows;
    const started = performance.now();
    await single.predict(matrix.values.subarray(row * width, (row + 1) * width), 1);
    if (run >= WARM_UP_RUNS) times.push(performance.now() - started);
  }
  await single.release();
  return {
    rows: matrix.rows,
    cpuSeconds: (user + system) / 1e6,
    oneRowP50: percentile(times, 50),
    oneRowP99: percentile(times, 99),
  };
});
