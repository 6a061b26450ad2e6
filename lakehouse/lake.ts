import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import {
  type CommitKind,
  commitOnce,
  type CommitRecord,
  findCommit,
  type LakeCommit,
  newestOfKind,
  refreshAt,
} from './commits.ts';
import { isLostRace, lakeFault, messageOf } from './engine-errors.ts';
import { runJob } from './job.ts';
import { literal } from './sql-text.ts';

export type { CommitRecord, LakeCommit } from './commits.ts';

export interface LakeOptions {
  /** SQLite file with DuckLake's catalog. */
  readonly catalogFile: string;
  /** Folder of the Parquet files; staged files lie in its `staging/`. */
  readonly dataFolder: string;
  /** Spill and other files that nobody misses; one per process. */
  readonly scratchFolder: string;
  /** Folder with `ducklake.duckdb_extension` and `sqlite_scanner.duckdb_extension`. */
  readonly extensionsFolder: string;
  readonly threads: number;
  /** DuckDB's own form, for example `1GB`. The process takes about 250 MB more. */
  readonly memoryLimit: string;
}

/** One environment's tables, with all their versions, attached as catalog `lake`. */
export interface Lake {
  readonly dataFolder: string;
  readonly scratchFolder: string;
  /**
   * Runs reading work on a connection of its own. Its default catalog is private and empty but for the schemas
   * `bronze`, `silver` and `gold`, so that a project's SQL sees exactly the views that the work makes there. On abort
   * the running query is interrupted and the signal's reason thrown.
   */
  work<T>(fn: (connection: DuckDBConnection) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * One lake transaction: what `write` does, a row in `lake.main.commits` and the key in the snapshot. A key that is
   * already committed gives its stored record, and `write` is not called. A lost race is tried again as a whole, so
   * `write` may run several times; `LakeUnavailable` when the tries run out.
   */
  commit(input: LakeCommit, write: (connection: DuckDBConnection) => Promise<void>): Promise<CommitRecord>;
  findCommit(key: string): Promise<CommitRecord | undefined>;
  /** The newest refresh of a project. */
  published(project: string): Promise<CommitRecord | undefined>;
  /** The newest commit of a kind for a project. */
  latest(kind: CommitKind, project: string): Promise<CommitRecord | undefined>;
  /** The refresh of a project that published this snapshot; undefined when the snapshot is none. */
  publishedAt(project: string, snapshot: number): Promise<CommitRecord | undefined>;
  /** Interrupts what still runs, waits for it and lets go of all files. */
  close(): Promise<void>;
}

/** Opens the lake, and makes it when there is none. `LakeUnavailable` when its files cannot be had. */
export async function openLake(options: LakeOptions): Promise<Lake> {
  for (const folder of [dirname(options.catalogFile), options.dataFolder, options.scratchFolder]) {
    await mkdir(folder, { recursive: true });
  }
  const instance = await attach(options).catch((error: unknown) => {
    throw new SuperstepError(
      'LakeUnavailable',
      `the lake with the catalog ${options.catalogFile} cannot be opened: ${messageOf(error)}; look at the file, at who else holds it, and at the extensions in ${options.extensionsFolder}`,
    );
  });
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  let jobs = 0;
  let lastCommit: Promise<unknown> = Promise.resolve();

  const track = <T>(work: Promise<T>): Promise<T> => {
    const settled = work.catch(() => undefined).finally(() => running.delete(settled));
    running.add(settled);
    return work;
  };
  const connected = <T>(fn: (connection: DuckDBConnection) => Promise<T>): Promise<T> =>
    track(withConnection(instance, fn));

  return {
    dataFolder: options.dataFolder,
    scratchFolder: options.scratchFolder,
    work(fn, signal) {
      const signals = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
      jobs += 1;
      return track(runJob(instance, `job_${jobs}`, fn, signals));
    },
    commit(input, write) {
      // One transaction at a time within this process: other processes are rivals enough.
      const mine = lastCommit.then(() => connected((c) => commitOnce(c, input, write)));
      lastCommit = mine.catch(() => undefined);
      return mine;
    },
    findCommit: (key) => connected((c) => findCommit(c, key)),
    published: (project) => connected((c) => newestOfKind(c, 'refresh', project)),
    latest: (kind, project) => connected((c) => newestOfKind(c, kind, project)),
    publishedAt: (project, snapshot) => connected((c) => refreshAt(c, project, snapshot)),
    async close() {
      closing.abort(new Error('the lake is being closed'));
      await Promise.all(running);
      await withConnection(instance, (c) => c.run('DETACH lake'));
      instance.closeSync();
    },
  };
}

async function withConnection<T>(
  instance: DuckDBInstance,
  fn: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const connection = await instance.connect();
  try {
    return await fn(connection);
  } catch (error) {
    throw lakeFault(error);
  } finally {
    connection.closeSync();
  }
}

async function attach(options: LakeOptions): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: options.memoryLimit,
    temp_directory: join(options.scratchFolder, 'spill'),
    autoinstall_known_extensions: 'false',
  });
  await withConnection(instance, async (c) => {
    for (const extension of ['sqlite_scanner', 'ducklake']) {
      await c.run(`LOAD ${literal(join(options.extensionsFolder, `${extension}.duckdb_extension`))}`);
    }
    await c.run("SET GLOBAL TimeZone = 'UTC'");
    await retryLostRaces(() =>
      c.run(
        `ATTACH ${literal(`ducklake:sqlite:${options.catalogFile}`)} AS lake (DATA_PATH ${literal(join(options.dataFolder, '/'))},
           META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 5000, DATA_INLINING_ROW_LIMIT 0)`,
      ),
    );
    await retryLostRaces(() => furnish(c));
  });
  return instance;
}

/** Layers and the table of commits, once. Inlined rows make wrong change feeds, so inlining goes off before any write. */
async function furnish(c: DuckDBConnection): Promise<void> {
  const found = await c.runAndReadAll(
    `SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'main' AND table_name = 'commits'`,
  );
  if (found.currentRowCount > 0) return;
  await c.run("CALL lake.set_option('data_inlining_row_limit', 0)");
  await c.run('BEGIN');
  try {
    for (const layer of ['bronze', 'silver', 'gold']) await c.run(`CREATE SCHEMA IF NOT EXISTS lake.${layer}`);
    await c.run(
      'CREATE TABLE IF NOT EXISTS lake.main.commits (key VARCHAR, kind VARCHAR, project VARCHAR, as_of TIMESTAMP, details VARCHAR)',
    );
    await c.run('COMMIT');
  } catch (error) {
    await c.run('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Tries again, a dozen times within about ten seconds, what lost a race against another process. */
async function retryLostRaces<T>(step: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await step();
    } catch (error) {
      if (!isLostRace(error) || attempt >= 12) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 * 2 ** Math.min(attempt, 6) * (0.5 + Math.random())));
    }
  }
}
