import { createHash } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import type { RegistryLocation } from '../../registry/database.ts';

/** Names the server whose databases tests use instead of files; child processes inherit it. */
export const POSTGRES_VARIABLE = 'SUPERSTEP_TEST_POSTGRES';

/** Whether this run of the tests has its registries on PostgreSQL. */
export function onPostgres(): boolean {
  return process.env[POSTGRES_VARIABLE] !== undefined;
}

/** Where the registry of a folder is: a file in it, or the folder's own database on the tests' server. */
export function testLocation(folder: string): RegistryLocation {
  const server = process.env[POSTGRES_VARIABLE];
  if (server === undefined) return { file: join(folder, 'registry.sqlite') };
  const url = new URL(server);
  url.pathname = `/${databaseOf(folder)}`;
  return { url: url.href };
}

/** Makes the folder's database where it is one of a server; files are made when they are opened. */
export async function createTestDatabase(folder: string): Promise<void> {
  await onServer(async (client) => {
    const found = await client.query('select 1 from pg_database where datname = $1', [databaseOf(folder)]);
    if (found.rowCount !== 0) return;
    // Another process may do the same now.
    await client.query(`create database ${databaseOf(folder)}`).catch((error: unknown) => {
      if (!isDuplicate(error)) throw error;
    });
  });
}

export async function dropTestDatabase(folder: string): Promise<void> {
  await onServer((client) => client.query(`drop database if exists ${databaseOf(folder)} with (force)`));
}

async function onServer(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const server = process.env[POSTGRES_VARIABLE];
  if (server === undefined) return;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function databaseOf(folder: string): string {
  return `registry_${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
}

function isDuplicate(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '42P04' || error.code === '23505');
}
