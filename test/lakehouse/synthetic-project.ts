import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { PinnedBundle } from '../../contracts/pinned-bundle.ts';
import type { PublishedRefresh, RefreshPlan, StagedTable } from '../../contracts/refresh-features.ts';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { projectSchema } from '../../contracts/schemas/project.ts';
import { adoptRefresh } from '../../lakehouse/adopt-refresh.ts';
import { type Lake, openLake } from '../../lakehouse/lake.ts';
import { planRefresh } from '../../lakehouse/plan-refresh.ts';
import { stageTable } from '../../lakehouse/stage-table.ts';
import { nativeParts } from '../support/native-parts.ts';

export const IDS = { project: 'small-flights', projectDigest: '0123456789abcdef' };

const FILES = {
  'silver/flights.sql':
    'SELECT _file, _row, dep, origin, distance, delay, delay_known_at\nFROM bronze.flights;\n-- the end',
  'silver/origins.sql': 'SELECT origin, count(*) AS flights, max(delay) AS worst\nFROM silver.flights\nGROUP BY origin',
  'silver/long_flights.sql': 'SELECT _file, _row, origin, delay FROM silver.flights WHERE distance > 50',
  'silver/days.sql':
    "SELECT date_trunc('day', dep) AS day, count(*) AS flights, sum(delay) AS delay FROM silver.flights GROUP BY 1",
  'features/origin_hour.sql': `-- By what had landed at the full hour.
WITH landed AS (
  SELECT origin, time_bucket(INTERVAL 1 HOUR, delay_known_at - INTERVAL 1 MICROSECOND) + INTERVAL 1 HOUR AS first, delay
  FROM silver.flights WHERE delay IS NOT NULL
)
SELECT origin, first + to_hours(age) AS hour, hour AS known_at, count(*) AS flights, avg(delay) AS mean_delay
FROM landed, (SELECT range::INTEGER AS age FROM range(6)) GROUP BY ALL`,
  'features/busy_hours.sql': `SELECT origin, hour, known_at, flights FROM gold.origin_hour WHERE flights > 1`,
  'training/spine.sql': 'SELECT _file, _row, dep AS event_time, origin, distance FROM silver.flights',
  'training/labels.sql':
    'SELECT _file, _row, (delay > 15)::INT AS late, delay_known_at AS known_at FROM silver.flights',
  'training/baseline.sql': 'SELECT _file, _row, 0.2 AS score FROM dataset',
};

/** Flights of ten days; a delay is known after landing, one row in eleven never has any. */
export const FLIGHTS = `SELECT
    TIMESTAMP '2001-01-01' + to_minutes((i * 7919 % 14400)::BIGINT) AS dep,
    'AP' || (i * 31 % 5) AS origin,
    100 + i * 37 % 900 AS distance,
    CASE WHEN i % 11 = 0 THEN NULL WHEN i % 29 = 0 THEN -200 WHEN i % 37 = 0 THEN 2000 ELSE i * 13 % 90 - 20 END AS delay
  FROM (SELECT range::INTEGER AS i FROM range(400))`;

export interface ProjectChanges {
  readonly files?: Readonly<Record<string, string>>;
  readonly source?: Readonly<Record<string, unknown>>;
  readonly expectations?: readonly unknown[];
  readonly project?: string;
}

/** A small project that has each kind of table: merged by a key, by another key, rebuilt, and feature views. */
export function smallProject(folder: string, changes: ProjectChanges = {}): PinnedBundle {
  const definition = projectSchema.parse({
    project: changes.project ?? IDS.project,
    description: 'Small flights',
    owner: 'tests',
    sources: {
      flights: {
        format: 'parquet',
        path: 'flights.parquet',
        event_time: 'dep',
        known_later: { delay: 'dep + to_minutes(greatest(1, 30 + distance // 8 + coalesce(delay, 0)))' },
        ...changes.source,
      },
    },
    tables: {
      'silver.long_flights': { sql: 'silver/long_flights.sql', key: ['_file', '_row'] },
      'silver.days': { sql: 'silver/days.sql' },
      'silver.origins': { sql: 'silver/origins.sql', key: ['origin'] },
      'silver.flights': {
        sql: 'silver/flights.sql',
        key: ['_file', '_row'],
        event_time: 'dep',
        description: "Flights that can be believed; the data team's own",
        expectations: changes.expectations ?? [
          { name: 'not_too_early', expect: 'delay > -120', on_violation: 'drop' },
          { name: 'not_too_late', expect: 'delay < 1440', on_violation: 'quarantine' },
        ],
      },
      'bronze.flights': { source: 'flights' },
    },
    feature_views: {
      busy_hours: view('features/busy_hours.sql', {}),
      origin_hour: view('features/origin_hour.sql', { lookback: '3d' }),
    },
    training: {
      spine: 'training/spine.sql',
      labels: 'training/labels.sql',
      label: 'late',
      features: ['origin_hour.mean_delay', 'distance'],
      split: { holdout: '2d' },
      trainer: { kind: 'lightgbm' },
    },
    gates: { comparison: { baseline: { sql: 'training/baseline.sql' } } },
    monitor: { window: '2d' },
  });
  const policy = policySchema.parse({
    compliance: {},
    comparison: {},
    rollback: { by: ['ml-lead'] },
    approval: { approvers: ['governance'] },
  });
  return {
    definition,
    files: { ...FILES, ...changes.files },
    policy,
    riskTier: { tier: 'standard', confirmed: true },
    folder,
  };
}

function view(sql: string, more: object): object {
  return { sql, entity: ['origin'], event_time: 'hour', known_at: 'known_at', ttl: '6h', ...more };
}

export interface Bench {
  readonly folder: string;
  readonly lake: Lake;
  readonly sourceFiles: Record<string, string[]>;
  /** Another view of the same lake, as another process has it. */
  openAgain(): Promise<Lake>;
  /** A full path below the folder, written as Parquet from a query. */
  writeParquet(name: string, query: string): Promise<string>;
  writeText(name: string, text: string): Promise<string>;
  close(): Promise<void>;
}

/** A lake and the small project's source in a folder of their own. */
export async function openBench(query = FLIGHTS): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'superstep-lake-'));
  const open = (): Promise<Lake> =>
    openLake({
      catalogFile: join(folder, 'catalog.sqlite'),
      dataFolder: join(folder, 'data'),
      scratchFolder: join(folder, 'scratch'),
      extensionsFolder: nativeParts().duckdbExtensions,
      threads: 2,
      memoryLimit: '512MB',
    });
  const lakes = [await open()];
  const writeParquet = async (name: string, text: string): Promise<string> => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`COPY (${text}) TO '${join(folder, name)}' (FORMAT parquet)`);
    connection.closeSync();
    instance.closeSync();
    return join(folder, name);
  };
  return {
    folder,
    lake: lakes[0] as Lake,
    sourceFiles: { flights: [await writeParquet('flights.parquet', query)] },
    async openAgain() {
      const lake = await open();
      lakes.push(lake);
      return lake;
    },
    writeParquet,
    async writeText(name, text) {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    },
    async close() {
      for (const lake of lakes) await lake.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Refreshed {
  readonly plan: RefreshPlan;
  readonly staged: StagedTable[];
  readonly published: PublishedRefresh;
}

export async function stageAll(bench: Bench, bundle: PinnedBundle, plan: RefreshPlan): Promise<StagedTable[]> {
  const staged: StagedTable[] = [];
  for (const table of plan.tables) {
    const next = await stageTable(bench.lake, bundle, plan, table, staged);
    staged.push(next);
    if (next.stopped !== undefined) break;
  }
  return staged;
}

export function planFor(bench: Bench, bundle: PinnedBundle, asOf: string, full = false): Promise<RefreshPlan> {
  const { sourceFiles } = bench;
  return planRefresh(bench.lake, bundle, { ...IDS, project: bundle.definition.project }, { asOf, full, sourceFiles });
}

/** Plans, stages and publishes a refresh. */
export async function refresh(bench: Bench, bundle: PinnedBundle, asOf: string, full = false): Promise<Refreshed> {
  const plan = await planFor(bench, bundle, asOf, full);
  const staged = await stageAll(bench, bundle, plan);
  return { plan, staged, published: await adoptRefresh(bench.lake, bundle, plan, staged) };
}

/** All rows of a query, as plain objects with numbers. */
export async function rows(lake: Lake, query: string): Promise<Record<string, unknown>[]> {
  return lake.work(async (c) =>
    (await c.runAndReadAll(query))
      .getRowObjectsJS()
      .map((row) =>
        Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'bigint' ? Number(v) : v])),
      ),
  );
}

/** How many rows two queries do not have in common, duplicates counted. */
export async function difference(lake: Lake, left: string, right: string): Promise<number> {
  const found = await rows(
    lake,
    `SELECT (SELECT count(*) FROM (${left} EXCEPT ALL ${right})) + (SELECT count(*) FROM (${right} EXCEPT ALL ${left})) AS n`,
  );
  return found[0]?.['n'] as number;
}

/** Tables of the small project and what of a row is the same whichever refresh brought it. */
export const COMPARABLE: Readonly<Record<string, string>> = {
  'bronze.flights': '*',
  'silver.flights': '*',
  'silver.flights_quarantine': '* EXCLUDE (_as_of)',
  'silver.origins': '*',
  'silver.long_flights': '*',
  'silver.days': '*',
  'gold.origin_hour': '*',
  'gold.busy_hours': '*',
};
