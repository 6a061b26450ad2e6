import knexFactory, { type Knex } from 'knex';
import { types } from 'pg';
import type { RegistryDatabase } from '../database.ts';
import { asRegistryError } from './faults.ts';
import { applyPending, createMigrationTable, isUpToDate, migrationStates } from './migration-runner.ts';
import { deferrableKeysAndByteOrder } from './postgres-schema.ts';

const WRITERS = 6;
const READERS = 4;
/** A process that stopped in the middle of a transaction loses it, and its locks, after this. */
const IDLE_IN_TRANSACTION_MS = 60_000;
const MIGRATION_WAIT_MS = 600_000;
const CONNECT_WAIT_MS = 10_000;

/**
 * A registry on a server. Writers of one scope exclude each other by a lock that ends with their transaction; then each
 * statement sees all that was committed before it, which READ COMMITTED gives.
 */
export function openPostgresRegistry(url: string, busyTimeoutMs: number): RegistryDatabase {
  const settings = [
    `lock_timeout = ${Math.round(busyTimeoutMs)}`,
    `idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`,
  ];
  // Two pools: writers that wait for their lock must not keep readers from a connection.
  const writers = connect(url, WRITERS, settings);
  const readers = connect(url, READERS, [...settings, 'default_transaction_read_only = on']);

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asRegistryError(error, { url: withoutPassword(url) });
    }
  };
  const writeAlone = <T>(scope: string, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> =>
    writers.transaction(
      async (trx) => {
        await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`superstep/${scope}`]);
        return work(trx);
      },
      { isolationLevel: 'read committed' },
    );

  return {
    write: (work, { scope = 'registry' } = {}) => guarded(() => writeAlone(scope, work)),
    read: (query) => guarded(() => query(readers)),
    migrate: () =>
      guarded(async () => {
        if (await isUpToDate(readers)) return;
        await writers.transaction(async (trx) => {
          await trx.raw(`set local lock_timeout = ${MIGRATION_WAIT_MS}`);
          await trx.raw(`select pg_advisory_xact_lock(hashtextextended('superstep/registry', 0))`);
          await createMigrationTable(trx);
          await deferrableKeysAndByteOrder(trx, () => applyPending(trx));
        });
      }),
    migrations: () => guarded(() => migrationStates(readers)),
    close: async () => {
      await readers.destroy();
      await writers.destroy();
    },
  };
}

interface PostgresConnection {
  readonly query: (sql: string, done: (error: Error | null) => void) => void;
}

function connect(url: string, connections: number, settings: readonly string[]): Knex {
  return knexFactory({
    client: 'pg',
    connection: {
      connectionString: url,
      application_name: 'superstep',
      connectionTimeoutMillis: CONNECT_WAIT_MS,
      keepAlive: true,
      types: NUMBERS,
    },
    log: { debug: silent, deprecate: silent, warn: silent, error: silent },
    pool: {
      min: 0,
      max: connections,
      afterCreate: (connection: PostgresConnection, done: (error: Error | null) => void) => {
        connection.query(settings.map((setting) => `set ${setting}`).join('; '), (error) => done(error ?? null));
      },
    },
  });
}

function silent(): void {}

/**
 * What is a number on SQLite is one here: bigints (milliseconds, bytes, counts: all below 2^53) and sums, which the
 * driver gives as text. For these connections only.
 */
const NUMBERS = {
  getTypeParser: (oid: number, format: string): TypeParser =>
    AS_NUMBER.includes(oid) && format !== 'binary'
      ? Number
      : (types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text') as TypeParser),
};

const AS_NUMBER: readonly number[] = [types.builtins.INT8, types.builtins.NUMERIC];
type TypeParser = (value: string) => unknown;

/** A URL that may be shown. */
export function withoutPassword(url: string): string {
  try {
    const shown = new URL(url);
    shown.password = '';
    shown.searchParams.delete('password');
    return shown.href;
  } catch {
    return 'SUPERSTEP_REGISTRY_URL';
  }
}
