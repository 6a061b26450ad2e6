import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainJob, TrainJobResult } from '../../learning/train-model.ts';
import { type BenchContext, lakeJob, processFile, THREADS } from './context.ts';
import { flightsBundle, JUNE, type LakeJob } from './flights.ts';
import { type Measured, runChild } from './measured-child.ts';

export interface RefreshedLake {
  readonly job: LakeJob;
  readonly measured: Measured<{ readonly snapshot: number; readonly rows: Readonly<Record<string, number>> }>;
}

/** Where the seconds of a training process went. */
export interface TrainingSeconds {
  readonly whole: number;
  /** Of all threads, loading of the code excluded. */
  readonly cpu: number;
  /** Start of the process, reading the rows, binning, the first tree. */
  readonly untilFirstTree: number;
  readonly trees: number;
  /** ONNX, explanation, parity sample. */
  readonly modelFiles: number;
}

export interface TrainedBench {
  readonly modelFile: string;
  readonly sha256: string;
}

/** What several benches rest on; each is made once, when it is first asked for. */
export interface Prepared {
  readonly lake: () => Promise<RefreshedLake>;
  /** Parquet of all labelled rows with their features. */
  readonly dataset: () => Promise<string>;
  readonly trainJob: (name: string) => Promise<TrainJob>;
  readonly model: () => Promise<TrainedBench>;
}

export function prepare(context: BenchContext): Prepared {
  const lake = once(() => refresh(context, 'lake'));
  const dataset = once(async () => {
    const { job, measured } = await lake();
    const file = join(context.folder, 'dataset.parquet');
    context.report('joining the features of three million flights');
    const { folder, signal } = context;
    const request = { ...job, snapshot: measured.result.snapshot, file };
    await runChild({ entry: processFile('dataset-process'), job: request, folder, signal });
    return file;
  });
  const trainJob = async (name: string): Promise<TrainJob> => {
    const { bundle } = await flightsBundle();
    const { features, label, trainer } = bundle.definition.training;
    return {
      lightgbmLib: context.parts.lightgbmLib,
      datasetFile: await dataset(),
      ...{ features, label, holdoutFrom: JUNE, params: trainer.params, seed: trainer.seed, threads: THREADS },
      metadata: { bench: 'flights' },
      outFolder: join(context.folder, name),
    };
  };
  const model = once(async () => (await train(context, await trainJob('model'))).model);
  return { lake, dataset, trainJob, model };
}

/** A full refresh into a new lake. */
export async function refresh(context: BenchContext, name: string): Promise<RefreshedLake> {
  const job = lakeJob(context, name);
  await mkdir(job.folder, { recursive: true });
  context.report('refreshing three million flights');
  const { folder, signal } = context;
  const { result } = await runChild<RefreshedLake['measured']>({
    ...{ entry: processFile('refresh-process'), job, folder, signal },
  });
  return { job, measured: result };
}

/** A training process, from its start to its end; no tuning. */
export async function train(
  { folder, signal, report }: BenchContext,
  job: TrainJob,
): Promise<{ readonly seconds: TrainingSeconds; readonly model: TrainedBench }> {
  report('training on January to May');
  let untilFirstTree = 0;
  let untilLastTree = 0;
  const { result, seconds: whole } = await runChild<Measured<TrainJobResult>>({
    ...{ entry: processFile('training-process'), job, folder, signal },
    onProgress: (note, seconds) => {
      if (!note.startsWith('training: tree')) return;
      untilFirstTree ||= seconds;
      untilLastTree = seconds;
    },
  });
  const trees = untilLastTree - untilFirstTree;
  const modelFile = result.result.files.onnx;
  const sha256 = createHash('sha256')
    .update(await readFile(modelFile))
    .digest('hex');
  return {
    seconds: { whole, cpu: result.usage.cpuSeconds, untilFirstTree, trees, modelFiles: whole - untilLastTree },
    model: { modelFile, sha256 },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
