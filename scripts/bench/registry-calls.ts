import { randomUUID } from 'node:crypto';
import { percentile } from './figures.ts';
import { FULL_EXPERIMENT, FULL_METRIC, FULL_MODEL } from './registry-fill.ts';

/** What a registry took for each kind of call, in milliseconds. */
export interface RegistryTimes {
  readonly logBatchMs: readonly number[];
  readonly versionsMs: readonly number[];
  readonly versionsLaterMs: readonly number[];
  readonly selectiveSearchMs: readonly number[];
  readonly unselectiveSearchMs: readonly number[];
  readonly orderedSearchMs: readonly number[];
}

/** What came of many clients at once. */
export interface Crowd {
  readonly calls: number;
  readonly seconds: number;
  readonly errors: readonly string[];
  /** Metrics that were acknowledged and are not there afterwards. */
  readonly lost: number;
}

const REPEATS = 20;
const BATCH = 1_000;
const CLIENTS = 16;
const CROWD_BATCH = 20;

/** A client of a registry that speaks MLflow's protocol: Superstep's or MLflow's own. */
export interface RegistryClient {
  readonly call: (method: 'GET' | 'POST', path: string, fields: object) => Promise<Record<string, never>>;
  readonly newRun: () => Promise<string>;
  readonly logBatch: (runId: string, step: number, size: number) => Promise<unknown>;
}

export function createRegistryClient(base: string): RegistryClient {
  const call: RegistryClient['call'] = async (method, path, fields) => {
    const query = method === 'GET' ? `?${new URLSearchParams(fields as Record<string, string>).toString()}` : '';
    const response = await fetch(`${base}/api/2.0/mlflow/${path}${query}`, {
      method,
      ...(method === 'GET' ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) }),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as Record<string, never>;
  };
  return {
    call,
    newRun: async () => {
      const { run } = (await call('POST', 'runs/create', { experiment_id: FULL_EXPERIMENT })) as unknown as {
        readonly run: { readonly info: { readonly run_id: string } };
      };
      return run.info.run_id;
    },
    logBatch: (runId, step, size) => {
      const metrics = Array.from({ length: size }, (_, i) => ({ key: `m${i}`, value: i / 7, timestamp: step, step }));
      return call('POST', 'runs/log-batch', { run_id: runId, metrics });
    },
  };
}

async function timed(repeats: number, one: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const started = performance.now();
    await one(i);
    times.push(performance.now() - started);
  }
  return times;
}

/** One client, one call after the other. */
export async function callsAlone({ call, newRun, logBatch }: RegistryClient): Promise<RegistryTimes> {
  const search = (filter: string, order: readonly string[] = []): Promise<unknown> =>
    call('POST', 'runs/search', { experiment_ids: [FULL_EXPERIMENT], filter, max_results: 100, order_by: order });
  const runId = await newRun();
  const page = { filter: `name='${FULL_MODEL}'`, max_results: '100' };
  const { next_page_token: token } = await call('GET', 'model-versions/search', page);
  const half = `metrics.${FULL_METRIC} > 0.5`;
  return {
    logBatchMs: await timed(2 * REPEATS, (i) => logBatch(runId, i, BATCH)),
    versionsMs: await timed(REPEATS, () => call('GET', 'model-versions/search', page)),
    versionsLaterMs: await timed(REPEATS, () => call('GET', 'model-versions/search', { ...page, page_token: token })),
    selectiveSearchMs: await timed(REPEATS, () => search(`metrics.${FULL_METRIC} > 0.99`)),
    unselectiveSearchMs: await timed(REPEATS, () => search(half)),
    orderedSearchMs: await timed(REPEATS, () => search(half, [`metrics.${FULL_METRIC} DESC`])),
  };
}

/** Sixteen clients for a while: runs, batches, tags, reads. Counts what is there afterwards. */
export async function callsOfACrowd(registry: RegistryClient, seconds: number): Promise<Crowd> {
  const { call, newRun, logBatch } = registry;
  const until = Date.now() + seconds * 1_000;
  const errors: string[] = [];
  let calls = 0;
  let lost = 0;
  const guarded = async (work: () => Promise<unknown>): Promise<boolean> => {
    calls += 1;
    try {
      await work();
      return true;
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
  const client = async (): Promise<void> => {
    const runId = await newRun();
    let acknowledged = 0;
    for (let step = 0; Date.now() < until; step++) {
      if (await guarded(() => logBatch(runId, step, CROWD_BATCH))) acknowledged += 1;
      await guarded(() => call('POST', 'runs/set-tag', { run_id: runId, key: 'step', value: String(step) }));
      await guarded(() => call('GET', 'runs/get', { run_id: runId }));
    }
    const history = { run_id: runId, metric_key: 'm0', max_results: '25000' };
    const { metrics = [] } = (await call('GET', 'metrics/get-history', history)) as { metrics?: readonly unknown[] };
    lost += Math.max(0, acknowledged - metrics.length);
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { calls, seconds: (performance.now() - started) / 1_000, errors, lost };
}

/** Stage transitions of a model of its own, one after the other, while others work; milliseconds each. */
export async function transitionsAmong({ call }: RegistryClient, others: () => Promise<unknown>): Promise<number[]> {
  const name = `bench-${randomUUID()}`;
  await call('POST', 'registered-models/create', { name });
  await call('POST', 'model-versions/create', { name, source: 's3://bucket/model' });
  let ended = false;
  const working = others().finally(() => (ended = true));
  const times: number[] = [];
  const stages = ['Staging', 'Archived', 'None'];
  for (let i = 0; !ended; i++) {
    const fields = { name, version: '1', stage: stages[i % stages.length], archive_existing_versions: false };
    times.push(...(await timed(1, () => call('POST', 'model-versions/transition-stage', fields))));
  }
  await working;
  return times;
}

/** The 95th and 99th of what was measured. */
export function tail(times: readonly number[]): { readonly p95: number; readonly p99: number } {
  return { p95: percentile(times, 95), p99: percentile(times, 99) };
}
