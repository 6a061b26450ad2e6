import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { withoutPassword } from '../../registry/database/postgres.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';
import { runCommand } from '../setup/run-command.ts';

const TIMEOUT_MS = 6 * 3_600_000;

/** Dumps a registry into a file, in PostgreSQL's own format. Writers go on meanwhile: it is the state of one instant. */
export async function dumpPostgres(url: string, file: string): Promise<void> {
  await run('pg_dump', ['--format=custom', '--no-owner', '--no-privileges', `--file=${file}`], url);
}

/** Puts a checked dump into a database that has no tables yet, all of it or nothing. */
export async function restorePostgres(backup: string, url: string): Promise<void> {
  await requireEmpty(url);
  await run('pg_restore', ['--no-owner', '--no-privileges', '--single-transaction', '--exit-on-error', backup], url);
}

async function requireEmpty(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ tables: string }>(
      `select count(*) as tables from pg_tables where schemaname = current_schema()`,
    );
    const tables = Number(rows[0]?.tables);
    if (tables === 0) return;
    const shown = withoutPassword(url);
    throw messageForPerson(
      `${shown} has ${tables} tables already; a backup goes into an empty database. Make one (createdb), name it in SUPERSTEP_REGISTRY_URL, restore, and start everything with that address.`,
    );
  } finally {
    await client.end();
  }
}

/** Runs one of the server's own programs; the password reaches it outside of the list of processes. */
async function run(program: string, args: readonly string[], url: string): Promise<void> {
  const password = new URL(url).password;
  const database = `--dbname=${withoutPassword(url)}`;
  const env = { ...process.env, ...(password === '' ? {} : { PGPASSWORD: decodeURIComponent(password) }) };
  try {
    await runCommand(findProgram(program), [database, ...args], { env, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw messageForPerson(`${program} failed: ${firstLine(error)}`);
  }
}

/** On the PATH, else where Debian keeps them: the newest serves every older server. */
function findProgram(program: string): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw messageForPerson(
    `there is no ${program}; install PostgreSQL's client programs: apt-get install postgresql-client`,
  );
}
