import type { Knex } from 'knex';
import type { MigrationState } from './database/migration-runner.ts';
import { openPostgresRegistry } from './database/postgres.ts';
import { openSqliteRegistry } from './database/sqlite.ts';

/** The registry's tables, and the only ways to them. Errors that pass by themselves come out as `RegistryUnavailable`. */
export interface RegistryDatabase {
  /** Brings the tables up to date. Any number of processes may do it at once, any number of times. */
  readonly migrate: () => Promise<void>;
  /** Every migration that this program knows, in order. */
  readonly migrations: () => Promise<readonly MigrationState[]>;
  /** Queries, without a lock; they cannot write. */
  readonly read: <T>(query: (knex: Knex) => Promise<T>) => Promise<T>;
  /** One transaction, alone among all writers of its scope in all processes: what it reads there stays true until it commits. */
  readonly write: <T>(work: (trx: Knex.Transaction) => Promise<T>, options?: WriteOptions) => Promise<T>;
  readonly close: () => Promise<void>;
}

export interface WriteOptions {
  /**
   * What the work reads and writes, when that is less than the registry: `run/<id>` for the rows of one run. Writers of
   * different scopes need not wait for each other, where the database can do that. The default is the registry.
   */
  readonly scope?: string;
}

/** Where a registry is. */
export type RegistryLocation =
  /** A SQLite file; made when missing, its folder is not. */
  | { readonly file: string }
  /** A PostgreSQL database: `postgres://user:password@host:port/database`. */
  | { readonly url: string };

export type RegistryDatabaseOptions = RegistryLocation & {
  /** How long a writer waits for another one. */
  readonly busyTimeoutMs?: number;
};

const ROWS_PER_INSERT = 100;

/** Opens the registry of an environment. Connects on first use; call `migrate` before anything else. */
export function openRegistryDatabase(options: RegistryDatabaseOptions): RegistryDatabase {
  const { busyTimeoutMs = 10_000 } = options;
  return 'file' in options
    ? openSqliteRegistry(options.file, busyTimeoutMs)
    : openPostgresRegistry(options.url, busyTimeoutMs);
}

/** Inserts rows in pieces: a statement takes only so many values. */
export async function insertAll(trx: Knex, table: string, rows: readonly object[]): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_PER_INSERT) await trx(table).insert(rows.slice(i, i + ROWS_PER_INSERT));
}
