import { existsSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import knexFactory, { type Knex } from 'knex';
import { messageForPerson } from '../message-for-person.ts';
import { flush } from './checksum.ts';

const BUSY_MS = 2_000;

/** Copies a registry into a new file. Writers go on meanwhile: the copy is the state of one instant. */
export async function copySqlite(from: string, to: string): Promise<void> {
  await withFile(from, (knex) => knex.raw('vacuum into ?', [to]));
  await checkSqlite(to);
}

/** @throws when a file is not a whole registry */
export async function checkSqlite(file: string): Promise<void> {
  const faults = await withFile(file, async (knex) => {
    const damage = await knex.raw<{ integrity_check: string }[]>('pragma integrity_check');
    const broken = await knex.raw<object[]>('pragma foreign_key_check');
    const lines = damage.map((row) => row.integrity_check).filter((line) => line !== 'ok');
    if (!(await knex.schema.hasTable('registry_migrations'))) lines.push('it has no table registry_migrations');
    return [...lines, ...broken.map((row) => `broken foreign key ${JSON.stringify(row)}`)];
  }).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
  if (faults.length === 0) return;
  throw messageForPerson(`${file} is no whole registry: ${faults.slice(0, 3).join('; ')}; use another backup`);
}

export interface RestoreSqlite {
  readonly backup: string;
  readonly registry: string;
  /** Where the registry that is there goes; undefined refuses one that is there. */
  readonly aside: string | undefined;
}

/** Puts a checked backup in the place of a registry that nobody uses. */
export async function restoreSqlite({ backup, registry, aside }: RestoreSqlite): Promise<void> {
  const present = existsSync(registry);
  if (present && aside === undefined) {
    throw messageForPerson(
      `there is a registry already: ${registry}. Stop what uses it and add --replace, which moves it aside.`,
    );
  }
  const incoming = `${registry}.restoring`;
  try {
    await copyFile(backup, incoming);
    await checkSqlite(incoming);
    await flush(incoming);
    if (present && aside !== undefined) {
      await requireUnused(registry);
      await rename(registry, aside);
    }
    await rename(incoming, registry);
  } finally {
    for (const rest of ['', '-wal', '-shm']) await rm(`${incoming}${rest}`, { force: true });
  }
}

/**
 * Makes a registry one file without a log beside it, which SQLite does for its only user.
 *
 * @throws when somebody else has it open, even if idle
 */
async function requireUnused(registry: string): Promise<void> {
  const mode = await withFile(registry, (knex) =>
    knex.raw<{ journal_mode: string }[]>('pragma journal_mode = delete'),
  ).catch(() => []);
  if (mode[0]?.journal_mode === 'delete') return;
  throw messageForPerson(`${registry} is in use; stop the workers, endpoints and servers of this environment first`);
}

async function withFile<T>(file: string, work: (knex: Knex) => PromiseLike<T>): Promise<T> {
  const knex = knexFactory({
    client: 'sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
    // What knex would print is thrown as well.
    log: { debug: silent, deprecate: silent, warn: silent, error: silent },
    pool: { min: 1, max: 1 },
  });
  try {
    await knex.raw(`pragma busy_timeout = ${BUSY_MS}`);
    return await work(knex);
  } finally {
    await knex.destroy();
  }
}

function silent(): void {}
