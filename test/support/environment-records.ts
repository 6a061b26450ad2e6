import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knexFactory from 'knex';
import { type Lake, openLake } from '../../lakehouse/lake.ts';
import { type ArtifactStore, createArtifactStore } from '../../registry/artifact-store.ts';
import { openRegistryDatabase } from '../../registry/database.ts';
import { createRegistry, type Registry } from '../../registry/registry.ts';
import { environmentPaths } from '../../workers/configuration.ts';
import { nativeParts } from './native-parts.ts';

export type Row = Readonly<Record<string, unknown>>;

/** What an environment keeps, read beside the workers that write it. */
export interface EnvironmentRecords {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  /** Rows of a query over the lake's tables, `lake.silver.flights` and so on, as plain JSON. */
  lakeRows(sql: string): Promise<Row[]>;
  /** Rows in every table of the lake. */
  lakeCounts(): Promise<Record<string, number>>;
  /** A sum over every value of every row of the project's tables, by table: equal for equal rows, in any order. */
  lakeContents(): Promise<Record<string, string>>;
  /** Rows of a table of the registry, in the order of writing. */
  registryRows(table: string): Promise<Row[]>;
  /** Rows in every table of the registry that a run writes. */
  registryCounts(): Promise<Record<string, number>>;
  /** The lake's snapshot and the registry's rows in one text: equal before and after when nothing changed. */
  fingerprint(): Promise<string>;
  close(): Promise<void>;
}

/** Opens the records of an environment's folder; the folder must have been used already. */
export async function openRecords(environmentHome: string): Promise<EnvironmentRecords> {
  const paths = environmentPaths(environmentHome);
  const scratchFolder = await mkdtemp(join(tmpdir(), 'records-'));
  const database = openRegistryDatabase({ file: paths.registry });
  const artifacts = createArtifactStore({ folder: paths.artifacts });
  const knex = knexFactory({ client: 'sqlite3', connection: { filename: paths.registry }, useNullAsDefault: true });
  const catalog = knexFactory({
    client: 'sqlite3',
    connection: { filename: paths.lakeCatalog },
    useNullAsDefault: true,
  });
  const withLake = async <T>(fn: (lake: Lake) => Promise<T>): Promise<T> => {
    const lake = await openLake({
      catalogFile: paths.lakeCatalog,
      dataFolder: paths.lakeData,
      scratchFolder,
      extensionsFolder: nativeParts().duckdbExtensions,
      threads: 1,
      memoryLimit: '256MB',
    });
    try {
      return await fn(lake);
    } finally {
      await lake.close();
    }
  };
  const query = (lake: Lake, sql: string): Promise<Row[]> =>
    lake.work(async (c) => (await c.runAndReadAll(sql)).getRowObjectsJson() as Row[]);

  const ofEachTable = (expression: string): Promise<Record<string, unknown>> =>
    withLake(async (lake) => {
      const tables = await query(
        lake,
        `SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() WHERE database_name = 'lake' ORDER BY ALL`,
      );
      const values: Record<string, unknown> = {};
      for (const { name } of tables) {
        const [row] = await query(lake, `SELECT ${expression} AS value FROM lake.${String(name)} AS t`);
        values[String(name)] = row?.['value'];
      }
      return values;
    });
  const registryCounts = async (): Promise<Record<string, number>> => {
    const tables = await knex('sqlite_master').where({ type: 'table' }).orderBy('name').select<{ name: string }[]>();
    const counts: Record<string, number> = {};
    for (const { name } of tables) {
      if (name.startsWith('sqlite_') || name.startsWith('registry_')) continue;
      counts[name] = Number((await knex(name).count({ n: '*' }))[0]?.['n']);
    }
    return counts;
  };
  return {
    registry: createRegistry({ db: database, artifacts, now: () => new Date() }),
    artifacts,
    lakeRows: (sql) => withLake((lake) => query(lake, sql)),
    lakeCounts: async () => {
      const counts = await ofEachTable('count(*)::INTEGER');
      return Object.fromEntries(Object.entries(counts).map(([table, n]) => [table, Number(n)]));
    },
    lakeContents: async () => {
      const sums = await ofEachTable('sum(hash(t))');
      // What the engine itself notes names snapshots and times of its own.
      const own = Object.entries(sums).filter(([table]) => !/^main\.|_metrics$|expectation_results$/.test(table));
      return Object.fromEntries(own.map(([table, sum]) => [table, String(sum)]));
    },
    registryRows: (table) => knex(table).select<Row[]>().orderBy('rowid'),
    registryCounts,
    fingerprint: async () => {
      const snapshot = await catalog('ducklake_snapshot').max({ newest: 'snapshot_id' });
      // A lease comes and goes with the run that holds it; what happened before is told to people meanwhile.
      const passing = ['retraining_leases', 'deliveries'];
      const counts = Object.fromEntries(
        Object.entries(await registryCounts()).filter(([table]) => !passing.includes(table)),
      );
      const stages = await knex('model_versions').orderBy(['model', 'version']).select('model', 'version', 'stage');
      return JSON.stringify({ snapshot, counts, stages });
    },
    close: async () => {
      await knex.destroy();
      await catalog.destroy();
      await database.close();
      await rm(scratchFolder, { recursive: true, force: true });
    },
  };
}
