import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { isInterrupted, lakeFault } from './engine-errors.ts';

/** DuckDB forgets an interrupt that comes between two statements, so it is repeated until the work has stopped. */
const INTERRUPT_EVERY_MS = 20;

/**
 * Runs work on a connection of its own whose default catalog is a private in-memory one. The catalog is gone
 * afterwards, however the work ended.
 */
export async function runJob<T>(
  instance: DuckDBInstance,
  catalog: string,
  fn: (connection: DuckDBConnection) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const connection = await instance.connect();
  let interrupting: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    connection.interrupt();
    interrupting = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await connection.run(`ATTACH ':memory:' AS ${catalog}`);
    await connection.run(`USE ${catalog}`);
    for (const layer of ['bronze', 'silver', 'gold']) await connection.run(`CREATE SCHEMA ${layer}`);
    return await fn(connection);
  } catch (error) {
    if (signal.aborted && isInterrupted(error)) throw signal.reason;
    throw lakeFault(error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearInterval(interrupting);
    await connection.run('ROLLBACK').catch(() => undefined);
    await connection.run('USE memory');
    await connection.run(`DETACH DATABASE IF EXISTS ${catalog}`);
    connection.closeSync();
  }
}
