import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import knexFactory, { type Knex } from 'knex';
import { openRegistryDatabase, type RegistryLocation } from '../../registry/database.ts';
import { insertRows } from '../../registry/tracking/insert-rows.ts';

/** How much is in the registries before anything is measured. */
export interface Filling {
  readonly runs: number;
  readonly versions: number;
}

/** The model with many versions, and the experiment with many runs, which every registry has. */
export const FULL_MODEL = 'bench-versions';
export const FULL_EXPERIMENT = '0';
/** A metric of each run, spread evenly between 0 and 1. */
export const FULL_METRIC = 'auc';

const STARTED_MS = Date.parse('2026-01-01T00:00:00Z');
/** Multiples of it, without their whole parts, fill 0 to 1 evenly and in no order. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

type Rows = readonly (readonly (string | number | boolean)[])[];

/** Set-up, not measured: makes a registry and puts rows straight into its tables, in one transaction. */
export async function fillSuperstep(location: RegistryLocation, filling: Filling): Promise<void> {
  if ('file' in location) await mkdir(dirname(location.file), { recursive: true });
  const db = openRegistryDatabase(location);
  try {
    await db.migrate();
    await db.write(async (trx) => {
      const instant = (ms: number): string => new Date(ms).toISOString();
      const names = { run: 'run_id', runs: 'id', started: 'started_ms', ended: 'ended_ms', timestamp: 'timestamp_ms' };
      await insertRuns(trx, filling.runs, names);
      const model = [FULL_MODEL, instant(STARTED_MS), instant(STARTED_MS)];
      await insertRows(trx, 'registered_models', ['name', 'created_at', 'updated_at'], [model], '');
      const columns = ['model', 'version', 'stage', 'source', 'created_at', 'updated_at'];
      const versions = versionsOf(filling, (version, source, ms) => {
        return [FULL_MODEL, version, 'None', source, instant(ms), instant(ms)];
      });
      await insertRows(trx, 'model_versions', columns, versions, '');
    });
    // A server does so by itself, a minute or so after that many rows came.
    if ('url' in location) await db.write((trx) => trx.raw('analyze'));
  } finally {
    await db.close();
  }
}

/** Set-up, not measured: the same rows into the SQLite file of MLflow's server, once that has made its tables. */
export async function fillMlflow(file: string, filling: Filling): Promise<void> {
  const knex = knexFactory({ client: 'sqlite3', connection: { filename: file }, useNullAsDefault: true });
  try {
    await knex.transaction(async (trx) => {
      const names = { run: 'run_uuid', runs: 'run_uuid', started: 'start_time', ended: 'end_time' };
      await insertRuns(trx, filling.runs, { ...names, timestamp: 'timestamp' });
      const model = [FULL_MODEL, STARTED_MS, STARTED_MS, 'default'];
      const times = ['creation_time', 'last_updated_time'];
      await insertRows(trx, 'registered_models', ['name', ...times, 'workspace'], [model], '');
      const columns = ['name', 'version', 'current_stage', 'source', 'status', ...times, 'workspace'];
      const versions = versionsOf(filling, (version, source, ms) => {
        return [FULL_MODEL, version, 'None', source, 'READY', ms, ms, 'default'];
      });
      await insertRows(trx, 'model_versions', columns, versions, '');
    });
  } finally {
    await knex.destroy();
  }
}

/** What the two registries call the columns of their tables, which are alike otherwise. */
interface ColumnNames {
  /** Of the table of runs. */
  readonly runs: string;
  /** Of the tables that hang on it. */
  readonly run: string;
  readonly started: string;
  readonly ended: string;
  readonly timestamp: string;
}

/** Runs, each with two metrics, a param and a tag. */
async function insertRuns(trx: Knex, count: number, names: ColumnNames): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) =>
    createHash('sha256').update(`run ${i}`).digest('hex').slice(0, 32),
  );
  const runs = ids.map((id, i) => {
    const [started, uri] = [STARTED_MS + i * 1_000, `mlflow-artifacts:/${FULL_EXPERIMENT}/${id}/artifacts`];
    return [id, Number(FULL_EXPERIMENT), `run-${i}`, '', 'FINISHED', 'active', started, started + 500, uri];
  });
  const ofRun = ['experiment_id', 'name', 'user_id', 'status', 'lifecycle_stage', names.started, names.ended];
  await insertRows(trx, 'runs', [names.runs, ...ofRun, 'artifact_uri'], runs, '');
  const metrics: Rows = ids.flatMap((id, i) => [
    [id, FULL_METRIC, (i * GOLDEN) % 1, false, 0, STARTED_MS + i * 1_000],
    [id, 'loss', 1 - ((i * GOLDEN) % 1), false, 0, STARTED_MS + i * 1_000],
  ]);
  for (const table of ['metrics', 'latest_metrics']) {
    await insertRows(trx, table, [names.run, 'key', 'value', 'is_nan', 'step', names.timestamp], metrics, '');
  }
  const params = ids.map((id, i) => [id, 'seed', String(i % 7)]);
  await insertRows(trx, 'params', [names.run, 'key', 'value'], params, '');
  const tags = ids.map((id, i) => [id, 'mlflow.runName', `run-${i}`]);
  await insertRows(trx, 'tags', [names.run, 'key', 'value'], tags, '');
}

function versionsOf({ versions }: Filling, row: (version: number, source: string, ms: number) => Rows[number]): Rows {
  return Array.from({ length: versions }, (_, i) => row(i + 1, `s3://bucket/${i + 1}`, STARTED_MS + i * 1_000));
}
