import { randomUUID } from 'node:crypto';
import { logBatch, newRun, type RegistryClient, type RunAnswer } from './registry-client.ts';
import { FULL_EXPERIMENT, FULL_METRIC } from './registry-fill.ts';

/** What came of many clients at once. */
export interface Crowd {
  readonly calls: number;
  readonly seconds: number;
  readonly errors: readonly string[];
  /** Runs, batches and tags that were acknowledged and are not there afterwards. */
  readonly lost: number;
}

/** Stage transitions while others work. */
export interface Transitions {
  /** Milliseconds of each. */
  readonly times: readonly number[];
  readonly errors: readonly string[];
  /** Batches that the others logged meanwhile. */
  readonly batches: number;
  readonly backups: number;
}

export const CLIENTS = 16;
export const CROWD_BATCH = 20;
export const LOGGED_BATCH = 100;
const STEPS = 5;
const STAGES = ['Staging', 'Archived', 'None'] as const;

interface Acknowledged {
  readonly runId: string;
  batches: number;
  tag: string;
}

/** Clients that make runs, log, tag, read and search, for so many seconds; then all that was acknowledged is counted. */
export async function crowd(client: RegistryClient, seconds: number): Promise<Crowd> {
  const errors: string[] = [];
  const runs: Acknowledged[] = [];
  let calls = 0;
  const attempt = async (call: () => Promise<unknown>): Promise<boolean> => {
    calls += 1;
    return succeeds(call, errors);
  };
  const started = performance.now();
  const isOver = (): boolean => performance.now() - started > seconds * 1_000;
  const work = async (): Promise<void> => {
    while (!isOver()) {
      await attempt(async () => {
        const run = { runId: await newRun(client, FULL_EXPERIMENT), batches: 0, tag: '' };
        runs.push(run);
        await fillRun(client, run, attempt);
      });
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, work));
  const took = (performance.now() - started) / 1_000;
  let lost = 0;
  for (const run of runs) lost += await countLost(client, run);
  return { calls, seconds: took, errors, lost };
}

async function fillRun(
  client: RegistryClient,
  run: Acknowledged,
  attempt: (call: () => Promise<unknown>) => Promise<boolean>,
): Promise<void> {
  const { runId } = run;
  for (let step = 0; step < STEPS; step++) {
    const tag = { run_id: runId, key: 'step', value: String(step) };
    if (await attempt(() => logBatch(client, runId, { from: step, metrics: CROWD_BATCH }))) run.batches += 1;
    if (await attempt(() => client.post('runs/set-tag', tag))) run.tag = tag.value;
    await attempt(() => client.get('runs/get', { run_id: runId }));
  }
  const filter = `metrics.${FULL_METRIC} > 0.999`;
  await attempt(() => client.post('runs/search', { experiment_ids: [FULL_EXPERIMENT], filter, max_results: 10 }));
}

async function countLost(client: RegistryClient, { runId, batches, tag }: Acknowledged): Promise<number> {
  const found = await client.get('runs/get', { run_id: runId }).catch(() => undefined);
  if (found === undefined) return 1 + batches;
  const tags = (found as RunAnswer).run.data.tags ?? [];
  const tagLost = tag !== '' && (tags.find(({ key }) => key === 'step')?.value ?? '') < tag;
  const asked = { run_id: runId, metric_key: `m${CROWD_BATCH - 1}`, max_results: '1000' };
  const { metrics = [] } = (await client.get('metrics/get-history', asked)) as { metrics?: readonly unknown[] };
  return Math.max(0, batches - metrics.length) + (tagLost ? 1 : 0);
}

/**
 * Moves a version from stage to stage, one transition after the other, while clients log in batches and, where `backUp`
 * is given, one backup follows the other.
 */
export async function transitionsAmongLoggers(
  client: RegistryClient,
  seconds: number,
  backUp?: () => Promise<void>,
): Promise<Transitions> {
  const name = `bench-${randomUUID()}`;
  await client.post('registered-models/create', { name });
  await client.post('model-versions/create', { name, source: 's3://bucket/model' });
  const errors: string[] = [];
  const times: number[] = [];
  let [batches, backups] = [0, 0];
  const started = performance.now();
  const isOver = (): boolean => performance.now() - started > seconds * 1_000;
  const log = async (): Promise<void> => {
    const runId = await newRun(client, FULL_EXPERIMENT);
    for (let step = 0; !isOver(); step++) {
      if (await succeeds(() => logBatch(client, runId, { from: step, metrics: LOGGED_BATCH }), errors)) batches += 1;
    }
  };
  const keepBackups = async (): Promise<void> => {
    for (; backUp !== undefined && !isOver(); backups += 1) await backUp();
  };
  const move = async (): Promise<void> => {
    for (let i = 0; !isOver(); i++) {
      const fields = { name, version: '1', stage: STAGES[i % STAGES.length], archive_existing_versions: false };
      const began = performance.now();
      await succeeds(() => client.post('model-versions/transition-stage', fields), errors);
      times.push(performance.now() - began);
    }
  };
  await Promise.all([move(), keepBackups(), ...Array.from({ length: CLIENTS }, log)]);
  return { times, errors, batches, backups };
}

async function succeeds(call: () => Promise<unknown>, errors: string[]): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    errors.push(error instanceof Error ? error.message : String(error));
    return false;
  }
}
