import { join } from 'node:path';
import { type BenchContext, processFile, THREADS } from './context.ts';
import { type Figure, limitOf } from './figures.ts';
import { JULY, JUNE } from './flights.ts';
import { type Measured, runChild } from './measured-child.ts';
import type { PredictorAlone } from './predictor-process.ts';
import type { Prepared } from './prepared.ts';

const RUNS = 3;
/** As the score process takes them. */
const BATCH_ROWS = 65_536;

interface ScoredMonth {
  readonly rows: number;
  readonly joinCpu: number;
  readonly scoreCpu: number;
  readonly publishCpu: number;
}

/** Batch scoring of June, by CPU time, against onnxruntime on rows in memory. */
export async function benchScoring(context: BenchContext, prepared: Prepared): Promise<Figure[]> {
  const whole: number[] = [];
  const scoring: number[] = [];
  const alone: number[] = [];
  let last: ScoredMonth | undefined;
  for (let run = 1; run <= RUNS; run++) {
    last = await scoreJune(context, prepared, run);
    whole.push(last.rows / (last.joinCpu + last.scoreCpu + last.publishCpu));
    scoring.push(last.rows / last.scoreCpu);
    const predictor = await predictorAlone(context, prepared);
    alone.push(predictor.rows / predictor.cpuSeconds);
  }
  const limit = 'onnxruntime on rows in memory';
  const parts =
    last === undefined
      ? ''
      : `${last.joinCpu.toFixed(1)} s to join the features, ${last.scoreCpu.toFixed(1)} s to score, ${last.publishCpu.toFixed(1)} s to publish`;
  return [
    {
      name: 'batch scoring: rows a second and core',
      value: Math.max(...scoring),
      unit: 'rows/s',
      target: { atLeast: 100_000 },
      limit: limitOf(Math.max(...scoring), limit, Math.max(...alone)),
      samples: scoring,
      note: `from a Parquet file of rows to one of scores, ${last?.rows ?? 0} flights of June; rows divided by CPU seconds of all threads, best of ${RUNS}.`,
    },
    {
      name: 'batch scoring with join and publishing: rows a second and core',
      value: Math.max(...whole),
      unit: 'rows/s',
      target: { atLeast: 100_000 },
      limit: limitOf(Math.max(...whole), limit, Math.max(...alone)),
      samples: whole,
      note: `all that scoreBatch does: the last run took ${parts}. One month out of the history of six; the features of all views are joined point in time.`,
    },
  ];
}

async function scoreJune(
  { folder, signal, report }: BenchContext,
  prepared: Prepared,
  run: number,
): Promise<ScoredMonth> {
  const { job: lake, measured } = await prepared.lake();
  const model = await prepared.model();
  report('scoring June');
  const job = { ...lake, ...model, snapshot: measured.result.snapshot, from: JUNE, until: JULY, key: `june-${run}` };
  const { result } = await runChild<Measured<ScoredMonth>>({
    ...{ entry: processFile('score-batch-process'), job, folder, signal },
  });
  return result.result;
}

/** The predictor without anything around it: rows in memory, in batches and one by one. */
export async function predictorAlone(context: BenchContext, prepared: Prepared): Promise<PredictorAlone> {
  const { folder, signal, report } = context;
  const { label } = await prepared.trainJob('predictor');
  const rowsFile = await prepared.dataset();
  const model = await prepared.model();
  report('the predictor alone');
  const job = { ...model, rowsFile: join(rowsFile), label, batchRows: BATCH_ROWS, threads: THREADS };
  const { result } = await runChild<Measured<PredictorAlone>>({
    ...{ entry: processFile('predictor-process'), job, folder, signal },
  });
  return result.result;
}
