import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { canonicalJson, sha256Hex } from './canonical-json.ts';
import { insertAll, type RegistryDatabase } from './database.ts';
import { idFromKey } from './natural-keys.ts';

export interface LogRunInput {
  /** Names the run's inputs, for example snapshot and project digest: the same key is the same run. */
  readonly naturalKey: string;
  readonly experiment: string;
  readonly name: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly artifacts: Readonly<Record<string, ArtifactRef>>;
  /** What the run read, by name: dataset, snapshot, project. Any JSON. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** ISO instant; the default is now. */
  readonly startedAt?: string;
}

export interface Run {
  readonly runId: string;
  readonly experiment: string;
  readonly name: string;
  readonly status: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly artifacts: Readonly<Record<string, ArtifactRef>>;
  readonly inputs: Readonly<Record<string, unknown>>;
}

interface RunRow {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly status: string;
  readonly started_at: string;
  readonly ended_at: string | null;
}

interface MetricRow {
  readonly key: string;
  readonly value: number;
  readonly is_nan: number | boolean;
}

export interface TrackingDeps {
  readonly db: RegistryDatabase;
  readonly artifacts: ArtifactStore;
  readonly now: () => Date;
}

/** Experiments and runs, as MLflow's tracking has them. */
export function createTracking({ db, artifacts, now }: TrackingDeps) {
  return {
    /** Records a finished run with all that belongs to it, once per natural key. Its artifacts must be stored already. */
    logRun: async (input: LogRunInput): Promise<{ readonly runId: string }> => {
      for (const [name, ref] of Object.entries(input.artifacts))
        await requireStored(artifacts, ref, `artifact "${name}"`);
      const runId = idFromKey('run', input.naturalKey);
      await db.write(async (trx) => {
        if ((await trx('runs').where({ id: runId }).first('id')) !== undefined) return;
        const at = now().toISOString();
        await trx('runs').insert({
          id: runId,
          natural_key: input.naturalKey,
          experiment_id: await experimentId(trx, input.experiment, at),
          name: input.name,
          status: 'FINISHED',
          started_at: input.startedAt ?? at,
          ended_at: at,
        });
        await insertDetails(trx, runId, input, at);
      });
      return { runId };
    },

    /** @throws InvalidInput when there is no such run */
    getRun: (runId: string): Promise<Run> =>
      db.read(async (knex) => {
        const row = await knex('runs')
          .join('experiments', 'experiments.id', 'runs.experiment_id')
          .where({ 'runs.id': runId })
          .first<RunRow | undefined>('runs.*', { experiment: 'experiments.name' });
        if (row === undefined) throw unknownRun(runId);
        return {
          runId: row.id,
          experiment: row.experiment,
          name: row.name,
          status: row.status,
          startedAt: row.started_at,
          endedAt: row.ended_at,
          ...(await selectDetails(knex, runId)),
        };
      }),
  };
}

/** @throws InvalidInput when there is no such run */
export async function requireRun(knex: Knex, runId: string): Promise<void> {
  if ((await knex('runs').where({ id: runId }).first('id')) === undefined) throw unknownRun(runId);
}

/** A reference in the registry always has its file: whoever records must have stored first. @throws InvalidInput */
export async function requireStored(artifacts: ArtifactStore, ref: ArtifactRef, what: string): Promise<void> {
  const path = artifacts.path(ref);
  if (await artifacts.has(ref.sha256)) return;
  throw new SuperstepError(
    'InvalidInput',
    `${what} is not in the artifact store; expected ${path}; store it, then record it`,
    {
      path,
      sha256: ref.sha256,
    },
  );
}

function unknownRun(runId: string): SuperstepError {
  return new SuperstepError('InvalidInput', `there is no run "${runId}"; expected an id that logRun gave out`, {
    runId,
  });
}

async function experimentId(trx: Knex, name: string, at: string): Promise<number> {
  const find = (): Promise<{ id: number } | undefined> =>
    trx('experiments').where({ name }).first<{ id: number } | undefined>('id');
  const found = await find();
  if (found !== undefined) return found.id;
  await trx('experiments').insert({ name, created_at: at, updated_at: at });
  return (await find())?.id ?? Number.NaN;
}

async function insertDetails(trx: Knex, runId: string, input: LogRunInput, at: string): Promise<void> {
  const texts = (values: Readonly<Record<string, unknown>>): object[] =>
    Object.entries(values).map(([key, value]) => ({ run_id: runId, key, value: String(value) }));
  await insertAll(trx, 'params', texts(input.params));
  await insertAll(trx, 'tags', texts(input.tags));
  const metrics = Object.entries(input.metrics).map(([key, value]) => {
    const isNan = Number.isNaN(value);
    return { run_id: runId, key, step: 0, recorded_at: at, value: isNan ? 0 : value, is_nan: isNan };
  });
  await insertAll(trx, 'metrics', metrics);
  const refs = Object.entries(input.artifacts).map(([name, { uri, sha256, bytes }]) => ({
    run_id: runId,
    name,
    uri,
    sha256,
    bytes,
  }));
  await insertAll(trx, 'run_artifacts', refs);
  const inputs = Object.entries(input.inputs)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const content = canonicalJson(value);
      return { run_id: runId, name, digest: sha256Hex(content), content };
    });
  await insertAll(trx, 'run_inputs', inputs);
}

async function selectDetails(
  knex: Knex,
  runId: string,
): Promise<Pick<Run, 'params' | 'metrics' | 'tags' | 'artifacts' | 'inputs'>> {
  const ofRun = { run_id: runId };
  const texts = async (table: string): Promise<Record<string, string>> => {
    const rows = await knex(table).where(ofRun).orderBy('key').select<{ key: string; value: string }[]>('key', 'value');
    return Object.fromEntries(rows.map((row) => [row.key, row.value]));
  };
  const metrics = await knex('metrics')
    .where(ofRun)
    .orderBy(['key', 'step', 'recorded_at'])
    .select<MetricRow[]>('key', 'value', 'is_nan');
  const refs = await knex('run_artifacts')
    .where(ofRun)
    .orderBy('name')
    .select<(ArtifactRef & { name: string })[]>('name', 'uri', 'sha256', 'bytes');
  const inputs = await knex('run_inputs')
    .where(ofRun)
    .orderBy('name')
    .select<{ name: string; content: string }[]>('name', 'content');
  return {
    params: await texts('params'),
    tags: await texts('tags'),
    // Of several values of a metric the last one counts.
    metrics: Object.fromEntries(metrics.map((m) => [m.key, m.is_nan ? Number.NaN : m.value])),
    artifacts: Object.fromEntries(
      refs.map(({ name, uri, sha256, bytes }) => [name, { uri, sha256, bytes: Number(bytes) }]),
    ),
    inputs: Object.fromEntries(inputs.map((row) => [row.name, JSON.parse(row.content) as unknown])),
  };
}
