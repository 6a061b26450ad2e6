import knexFactory, { type Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import { MIGRATIONS } from './migrations/all.ts';

/** The registry's tables, and the only ways to them. Errors that pass by themselves come out as `RegistryUnavailable`. */
export interface RegistryDatabase {
  /** Brings the tables up to date. Any number of processes may do it at once, any number of times. */
  readonly migrate: () => Promise<void>;
  /** Queries, without a lock. */
  readonly read: <T>(query: (knex: Knex) => Promise<T>) => Promise<T>;
  /** One transaction, alone among all writers of all processes: what it reads stays true until it commits. */
  readonly write: <T>(work: (trx: Knex.Transaction) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

export interface RegistryDatabaseOptions {
  /** The SQLite file; made when missing, its folder is not. */
  readonly file: string;
  /** How long a writer waits for another one. */
  readonly busyTimeoutMs?: number;
}

const WAL_ATTEMPTS = 100;
const ROWS_PER_INSERT = 100;

/** Opens the registry of an environment. Connects on first use; call `migrate` before anything else. */
export function openRegistryDatabase({ file, busyTimeoutMs = 10_000 }: RegistryDatabaseOptions): RegistryDatabase {
  const knex = openSqlite(file, busyTimeoutMs);

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asRegistryError(error, file);
    }
  };

  return {
    write: (work) => guarded(() => writeAlone(knex, work)),
    read: (query) => guarded(() => query(knex)),
    migrate: () => guarded(() => migrateSqlite(knex, () => openSqlite(file, busyTimeoutMs, 'off'))),
    close: () => knex.destroy(),
  };
}

function openSqlite(file: string, busyTimeoutMs: number, foreignKeys: 'on' | 'off' = 'on'): Knex {
  return knexFactory({
    client: 'sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
    // Whatever knex would print is thrown as well; stdout belongs to those who call.
    log: { debug: silent, deprecate: silent, warn: silent, error: silent },
    // One connection: writers of this process queue here instead of each blocking a thread in SQLite's busy loop.
    pool: {
      min: 0,
      max: 1,
      afterCreate: (connection: SqliteConnection, done: (error: Error | null) => void) => {
        prepare(connection, busyTimeoutMs, foreignKeys).then(() => done(null), done);
      },
    },
  });
}

function writeAlone<T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return knex.transaction(async (trx) => {
    // knex's BEGIN is deferred on SQLite: a transaction that reads first and then writes fails when another one
    // wrote in between, whatever the busy timeout. Taking the lock row first makes it wait instead.
    await trx('registry_locks').where({ id: 1 }).increment('taken', 1);
    return work(trx);
  });
}

/** Inserts rows in pieces: SQLite takes at most 500 in one statement. */
export async function insertAll(trx: Knex, table: string, rows: readonly object[]): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_PER_INSERT) await trx(table).insert(rows.slice(i, i + ROWS_PER_INSERT));
}

/**
 * Own runner instead of knex's: that one keeps its lock in a row outside of the transaction, so a process that dies
 * while migrating locks everybody out until a person steps in.
 */
async function migrateSqlite(knex: Knex, openWithoutForeignKeys: () => Knex): Promise<void> {
  await knex.raw('create table if not exists registry_locks (id integer primary key, taken integer not null)');
  await knex.raw('create table if not exists registry_migrations (name varchar(100) primary key)');
  await knex('registry_locks').insert({ id: 1, taken: 0 }).onConflict('id').ignore();
  if ((await pendingMigrations(knex)).length === 0) return;
  // A table that is made anew is dropped under those that refer to it. SQLite lets foreign keys be switched off on a
  // connection only, so they are checked before the commit instead.
  const own = openWithoutForeignKeys();
  try {
    await writeAlone(own, async (trx) => {
      for (const migration of await pendingMigrations(trx)) {
        await migration.up(trx);
        await trx('registry_migrations').insert({ name: migration.name });
      }
      const broken = await trx.raw<readonly object[]>('pragma foreign_key_check');
      if (broken.length > 0)
        throw new Error(`the migrations would break ${broken.length} foreign keys: ${JSON.stringify(broken[0])}`);
    });
  } finally {
    await own.destroy();
  }
}

async function pendingMigrations(db: Knex): Promise<typeof MIGRATIONS> {
  const applied = new Set((await db('registry_migrations').select<{ name: string }[]>('name')).map((r) => r.name));
  return MIGRATIONS.filter((migration) => !applied.has(migration.name));
}

function silent(): void {}

interface SqliteConnection {
  readonly exec: (sql: string, done: (error: Error | null) => void) => void;
}

async function prepare(connection: SqliteConnection, busyTimeoutMs: number, foreignKeys: 'on' | 'off'): Promise<void> {
  const exec = (sql: string): Promise<void> =>
    new Promise((resolve, reject) => connection.exec(sql, (error) => (error === null ? resolve() : reject(error))));
  await exec(
    `pragma busy_timeout = ${Math.round(busyTimeoutMs)}; pragma foreign_keys = ${foreignKeys}; pragma synchronous = full`,
  );
  // The change to WAL needs the file for itself and does not always wait for it: try again while others do the same.
  for (let attempt = 1; ; attempt++) {
    try {
      await exec('pragma journal_mode = wal');
      return;
    } catch (error) {
      if (attempt >= WAL_ATTEMPTS || !isPassing(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const PASSING_CODES = [
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_IOERR',
  'SQLITE_FULL',
  'SQLITE_CANTOPEN',
  'SQLITE_PROTOCOL',
  'SQLITE_NOMEM',
];

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'KnexTimeoutError') return true;
  return 'code' in error && typeof error.code === 'string' && PASSING_CODES.includes(error.code);
}

/** `RegistryUnavailable` for what passes by itself (locks, disk, a full pool); everything else as it came. */
export function asRegistryError(error: unknown, file: string): unknown {
  if (error instanceof SuperstepError || !isPassing(error)) return error;
  const found = (error as Error).message;
  return new SuperstepError(
    'RegistryUnavailable',
    `the registry ${file} cannot be used now: ${found}; it is tried again; if this stays, look for a stopped process that holds the file, a full disk, or a missing folder`,
    { file, found },
  );
}
