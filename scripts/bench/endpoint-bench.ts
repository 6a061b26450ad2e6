import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ProductionModel } from '../../serving/endpoint.ts';
import { messageForPerson } from '../message-for-person.ts';
import { typescriptArguments } from '../processes/typescript-process.ts';
import { type BenchContext, processFile } from './context.ts';
import { type Figure, limitOf, percentile } from './figures.ts';
import { type InferTarget, oneAfterTheOther, requestsPerSecond } from './infer-load.ts';
import type { Prepared } from './prepared.ts';
import { predictorAlone } from './scoring-bench.ts';

const WARM_UP = 500;
const REQUESTS = 3_000;
const CONNECTIONS = 16;
const LOAD_REQUESTS = 10_000;
const LOAD_RUNS = 3;

/** One-row inference over HTTP against the predictor alone. */
export async function benchEndpoint(context: BenchContext, prepared: Prepared): Promise<Figure[]> {
  const { features } = await prepared.trainJob('endpoint');
  const alone = await predictorAlone(context, prepared);
  const model = await prepared.model();
  context.report(`one-row requests, then ${CONNECTIONS} connections`);
  const { times, rates } = await withEndpoint(context, model, async (url) => {
    const target: InferTarget = { url: `${url}/v2/models/bench/infer`, body: oneRow(features.length) };
    await oneAfterTheOther(target, WARM_UP);
    const measured = await oneAfterTheOther(target, REQUESTS);
    const perSecond: number[] = [];
    for (let run = 0; run < LOAD_RUNS; run++) {
      perSecond.push(await requestsPerSecond(target, CONNECTIONS, LOAD_REQUESTS));
    }
    return { times: measured, rates: perSecond };
  });
  const [p50, p99, rate] = [percentile(times, 50), percentile(times, 99), Math.max(...rates)];
  const how = `one row of ${features.length} features, ${REQUESTS} requests one after the other on one connection kept alive; client and endpoint share the machine`;
  return [
    {
      ...{ name: 'endpoint, one row: p50', value: p50, unit: 'ms', samples: times, note: `${how}.` },
      limit: limitOf(p50, 'the predictor alone', alone.oneRowP50),
    },
    {
      ...{ name: 'endpoint, one row: p99', value: p99, unit: 'ms', samples: times, note: `${how}.` },
      limit: limitOf(p99, 'the predictor alone', alone.oneRowP99),
    },
    {
      name: `endpoint, ${CONNECTIONS} connections: requests a second`,
      value: rate,
      unit: 'req/s',
      samples: rates,
      limit: limitOf(rate, 'one-row runs of the predictor a second', 1000 / alone.oneRowP50),
      note: `one-row requests, best of ${LOAD_RUNS} runs of ${LOAD_REQUESTS}; the client takes its share of the two cores.`,
    },
  ];
}

function oneRow(width: number): string {
  const data = Array.from({ length: width }, (_, column) => column / 10);
  return JSON.stringify({ inputs: [{ name: 'features', shape: [1, width], datatype: 'FP32', data }] });
}

async function withEndpoint<T>(
  { folder, signal }: BenchContext,
  { modelFile, sha256 }: { readonly modelFile: string; readonly sha256: string },
  work: (url: string) => Promise<T>,
): Promise<T> {
  const model: ProductionModel = {
    model: 'bench',
    version: 1,
    file: modelFile,
    sha256,
    bytes: (await stat(modelFile)).size,
  };
  const config = join(folder, 'endpoint.json');
  await writeFile(config, JSON.stringify(model));
  const child = spawn(process.execPath, typescriptArguments(processFile('endpoint-process'), config), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) throw messageForPerson('the endpoint ended before it served; its messages are above');
    return await work(first.value);
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
    await closed;
  }
}
