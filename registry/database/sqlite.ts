import knexFactory, { type Knex } from 'knex';
import type { RegistryDatabase } from '../database.ts';
import { asRegistryError, isPassing } from './faults.ts';
import { applyPending, createMigrationTable, isUpToDate, migrationStates } from './migration-runner.ts';

const WAL_ATTEMPTS = 100;
const READERS = 4;

/** A registry in a file. Readers see what was committed last and wait for nobody. */
export function openSqliteRegistry(file: string, busyTimeoutMs: number): RegistryDatabase {
  // One connection: writers of this process queue here instead of each blocking a thread in SQLite's busy loop.
  const writer = connect(file, 1, [...settings(busyTimeoutMs), 'foreign_keys = on']);
  const readers = connect(file, READERS, [...settings(busyTimeoutMs), 'query_only = on']);

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asRegistryError(error, { file });
    }
  };

  return {
    // The file has one lock: every scope waits for it.
    write: (work) => guarded(() => writeAlone(writer, work)),
    read: (query) => guarded(() => query(readers)),
    migrate: () =>
      guarded(() => migrate(writer, () => connect(file, 1, [...settings(busyTimeoutMs), 'foreign_keys = off']))),
    migrations: () => guarded(() => migrationStates(readers)),
    close: async () => {
      await readers.destroy();
      await writer.destroy();
    },
  };
}

function settings(busyTimeoutMs: number): readonly string[] {
  return [`busy_timeout = ${Math.round(busyTimeoutMs)}`, 'synchronous = full'];
}

async function writeAlone<T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  let fault: unknown;
  const write = knex.transaction(async (trx) => {
    try {
      // knex's BEGIN is deferred on SQLite: a transaction that reads first and then writes fails when another one
      // wrote in between, whatever the busy timeout. Taking the lock row first makes it wait instead.
      await trx('registry_locks').where({ id: 1 }).increment('taken', 1);
      return await work(trx);
    } catch (error) {
      fault = error;
      throw error;
    }
  });
  // A full disk ends the transaction by itself; knex then says only that there was nothing to roll back.
  return write.catch((error: unknown) => {
    throw fault ?? error;
  });
}

async function migrate(writer: Knex, connectWithoutForeignKeys: () => Knex): Promise<void> {
  await writer.raw('create table if not exists registry_locks (id integer primary key, taken integer not null)');
  await createMigrationTable(writer);
  await writer('registry_locks').insert({ id: 1, taken: 0 }).onConflict('id').ignore();
  if (await isUpToDate(writer)) return;
  // A table that is made anew is dropped under those that refer to it. SQLite lets foreign keys be switched off on a
  // connection only, outside of a transaction; so they are checked before the commit instead.
  const own = connectWithoutForeignKeys();
  try {
    await writeAlone(own, async (trx) => {
      await applyPending(trx);
      const broken = await trx.raw<readonly object[]>('pragma foreign_key_check');
      if (broken.length === 0) return;
      throw new Error(`the migrations would break ${broken.length} foreign keys: ${JSON.stringify(broken[0])}`);
    });
  } finally {
    await own.destroy();
  }
}

interface SqliteConnection {
  readonly exec: (sql: string, done: (error: Error | null) => void) => void;
}

function connect(file: string, connections: number, pragmas: readonly string[]): Knex {
  return knexFactory({
    client: 'sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
    // Whatever knex would print is thrown as well; stdout belongs to those who call.
    log: { debug: silent, deprecate: silent, warn: silent, error: silent },
    pool: {
      min: 0,
      max: connections,
      afterCreate: (connection: SqliteConnection, done: (error: Error | null) => void) => {
        prepare(connection, pragmas).then(() => done(null), done);
      },
    },
  });
}

function silent(): void {}

async function prepare(connection: SqliteConnection, pragmas: readonly string[]): Promise<void> {
  const exec = (sql: string): Promise<void> =>
    new Promise((resolve, reject) => connection.exec(sql, (error) => (error === null ? resolve() : reject(error))));
  await exec(pragmas.map((pragma) => `pragma ${pragma}`).join('; '));
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
