import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import pg from 'pg';
import { openRegistryDatabase, type RegistryDatabase, type RegistryLocation } from '../../registry/database.ts';

/** Names the server whose databases tests use instead of files; child processes inherit it. */
export const POSTGRES_VARIABLE = 'SUPERSTEP_TEST_POSTGRES';

const TEMPLATE = 'registry_template';

/** Whether this run of the tests has its registries on PostgreSQL. */
export function onPostgres(): boolean {
  return process.env[POSTGRES_VARIABLE] !== undefined;
}

export interface TestDatabase {
  readonly db: RegistryDatabase;
  /** Where it is, for whoever opens it once more. */
  readonly location: RegistryLocation;
  readonly folder: string;
  readonly close: () => Promise<void>;
}

export interface TestDatabaseOptions {
  /** Stays when the database is closed; the default is a folder that goes with it. */
  readonly folder?: string;
  readonly busyTimeoutMs?: number;
}

/** A migrated registry: on a file in a folder, or, in the project `postgres`, on a database that belongs to the folder. */
export async function openTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { busyTimeoutMs } = options;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'registry-')));
  await createTestDatabase(folder);
  const location = testLocation(folder);
  const db = openRegistryDatabase({ ...location, ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }) });
  await db.migrate();
  const close = async (): Promise<void> => {
    await db.close();
    if (options.folder !== undefined) return;
    await dropTestDatabase(folder);
    await rm(folder, { recursive: true, force: true });
  };
  return { db, location, folder, close };
}

/** Where the registry of a folder is. */
export function testLocation(folder: string): RegistryLocation {
  const server = process.env[POSTGRES_VARIABLE];
  if (server === undefined) return { file: join(folder, 'registry.sqlite') };
  return { url: databaseUrl(server, databaseOf(folder)) };
}

/** Makes a database on the tests' server that the others are copies of: copying is faster than migrating. */
export async function createTemplate(server: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`create database ${TEMPLATE}`).finally(() => client.end());
  const db = openRegistryDatabase({ url: databaseUrl(server, TEMPLATE) });
  await db.migrate().finally(db.close);
}

/**
 * Makes the folder's database where it is one of a server, migrated or, for tests of that, empty; files are made when
 * they are opened.
 */
export async function createTestDatabase(folder: string, start: 'migrated' | 'empty' = 'migrated'): Promise<void> {
  const template = start === 'migrated' ? TEMPLATE : 'template1';
  await onServer(async (client) => {
    const found = await client.query('select 1 from pg_database where datname = $1', [databaseOf(folder)]);
    if (found.rowCount !== 0) return;
    // Another process may do the same now.
    await client.query(`create database ${databaseOf(folder)} template ${template}`).catch((error: unknown) => {
      if (!isDuplicate(error)) throw error;
    });
  });
}

export async function dropTestDatabase(folder: string): Promise<void> {
  await onServer((client) => client.query(`drop database if exists ${databaseOf(folder)} with (force)`));
}

/** The code of an error that says: there is a row like this already. */
export function duplicateCode(): string {
  return onPostgres() ? '23505' : 'SQLITE_CONSTRAINT';
}

/** What somebody who owns the database can do: take the guards off a table that only grows. */
export async function liftAppendOnly(trx: Knex, table: string): Promise<void> {
  if (onPostgres()) return void (await trx.raw(`alter table ${table} disable trigger user`));
  for (const change of ['update', 'delete']) await trx.raw(`drop trigger ${table}_no_${change}`);
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

function databaseUrl(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

function databaseOf(folder: string): string {
  return `registry_${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
}

function isDuplicate(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '42P04' || error.code === '23505');
}
