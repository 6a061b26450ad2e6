import { SuperstepError } from '../../contracts/failure-types.ts';

/** Locks, disk, memory: SQLite's. */
const SQLITE_CODES = [
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_IOERR',
  'SQLITE_FULL',
  'SQLITE_CANTOPEN',
  'SQLITE_PROTOCOL',
  'SQLITE_NOMEM',
];

/**
 * PostgreSQL's, by SQLSTATE or its class: connection, resources, serialization and deadlock, a lock that did not come
 * in time, a transaction that idled too long, an operator's hand, the server's disk.
 */
const POSTGRES_STATES = /^(08...|53...|40001|40P01|55P03|25P03|57P0[1-5]|58030)$/;

/** The way to the server, as Node says it. */
const NETWORK_CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
];

/** pg gives these no code, and knex puts what it was doing before them. */
const LOST_CONNECTION =
  /Connection terminated|Connection ended unexpectedly|connection error and is not queryable|^timeout expired$/i;

/** Whether an error of a database passes by itself. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'KnexTimeoutError' || LOST_CONNECTION.test(error.message)) return true;
  if (!('code' in error) || typeof error.code !== 'string') return false;
  const { code } = error;
  // A server's socket that is not there; other missing files are somebody else's.
  if (code === 'ENOENT') return 'syscall' in error && error.syscall === 'connect';
  return SQLITE_CODES.includes(code) || NETWORK_CODES.includes(code) || POSTGRES_STATES.test(code);
}

/** Where a registry is, for messages and details: a file, or a server's URL without its password. */
export type RegistryPlace = { readonly file: string } | { readonly url: string };

/** `RegistryUnavailable` for what passes by itself (locks, disk, a server that restarts); everything else as it came. */
export function asRegistryError(error: unknown, place: RegistryPlace): unknown {
  if (error instanceof SuperstepError || !isPassing(error)) return error;
  // Several addresses of one host make one error without a text of its own.
  const found = (error as Error).message || String((error as { code?: unknown }).code);
  const look =
    'file' in place
      ? 'a stopped process that holds the file, a full disk, or a missing folder'
      : 'whether the server runs and can be reached, its limit of connections, or a stopped process that holds a lock';
  return new SuperstepError(
    'RegistryUnavailable',
    `the registry ${'file' in place ? place.file : place.url} cannot be used now: ${found}; it is tried again; if this stays, look for ${look}`,
    { ...place, found },
  );
}
