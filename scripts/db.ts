import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openRegistryDatabase, type RegistryLocation } from '../registry/database.ts';
import { withoutPassword } from '../registry/database/postgres.ts';
import { locateRegistry } from '../workers/configuration.ts';
import { DB_HELP, parseDbArguments, type DbCommand } from './db/arguments.ts';
import { backUp, backupName } from './db/backup.ts';
import { restore } from './db/restore.ts';
import { messageForPerson, runMain } from './message-for-person.ts';
import { environmentFolder, registryLocation } from './stack/registry-location.ts';
import { defaultHome, lockHome } from './stack/stack-home.ts';

/** `npm run db -- <command>`: migrations and backups of an environment's registry. */
await runMain(async () => {
  const command = parseDbArguments(process.argv.slice(2));
  if (command === undefined) {
    process.stdout.write(DB_HELP);
    return 0;
  }
  try {
    for (const line of await act(command)) process.stdout.write(`${line}\n`);
    return 0;
  } catch (error) {
    throw taught(error);
  }
});

function act(command: DbCommand): Promise<string[]> {
  const { environment } = command;
  if (command.command === 'restore') return restoreInto(command);
  const location = registryLocation(environment, process.env);
  if (command.command === 'backup') return backUpFrom(command, location);
  return command.command === 'migrate' ? migrate(environment, location) : status(environment, location);
}

async function status(environment: string, location: RegistryLocation): Promise<string[]> {
  const db = openRegistryDatabase(location);
  try {
    const migrations = (await db.migrations()).map(({ name, applied }) => `  ${applied ? 'has  ' : 'waits'}  ${name}`);
    return [`${environment}  ${shown(location)}`, ...migrations];
  } finally {
    await db.close();
  }
}

async function migrate(environment: string, location: RegistryLocation): Promise<string[]> {
  const db = openRegistryDatabase(location);
  try {
    const before = (await db.migrations()).filter(({ applied }) => !applied).map(({ name }) => name);
    await db.migrate();
    const done = before.length === 0 ? 'is up to date' : `was brought up to date: ${before.join(', ')}`;
    return [`${environment}  ${shown(location)} ${done}`];
  } finally {
    await db.close();
  }
}

async function backUpFrom({ environment, file }: DbCommand, location: RegistryLocation): Promise<string[]> {
  const name = backupName(environment, location, new Date());
  const backup = await backUp(location, resolve(file ?? join(defaultHome(process.env), 'backups', name)));
  return [
    `backed up ${shown(location)}`,
    `  ${backup.file}`,
    `  sha256 ${backup.sha256}, beside it in ${backup.file}.sha256`,
  ];
}

async function restoreInto({ environment, file = '', replace }: DbCommand): Promise<string[]> {
  const folder = environmentFolder(environment, process.env);
  const location = locateRegistry(environment, folder, process.env['SUPERSTEP_REGISTRY_URL']);
  if (replace && 'url' in location) {
    throw messageForPerson('--replace is for SQLite; a PostgreSQL database that is to be restored must be empty');
  }
  await mkdir(folder, { recursive: true });
  // Nobody starts Superstep here meanwhile.
  const unlock = await lockHome(defaultHome(process.env));
  try {
    const aside = 'file' in location && replace ? nameAside(location.file, new Date()) : undefined;
    const moved = aside !== undefined && 'file' in location && existsSync(location.file);
    const { waiting, auditRows, auditFault } = await restore({ backup: resolve(file), location, aside });
    return [
      `restored ${shown(location)}`,
      ...(moved ? [`  what was there is now ${aside}`] : []),
      waiting.length > 0
        ? `  older than this program: ${waiting.join(', ')} wait for "npm run db -- migrate", or the next start`
        : `  audit of ${auditRows} rows: ${auditFault ?? 'its chain holds'}; compare it with heads written elsewhere: npm run audit -- verify`,
    ];
  } finally {
    await unlock();
  }
}

function nameAside(file: string, now: Date): string {
  return `${file}.before-${now.toISOString().replaceAll(':', '-')}`;
}

function shown(location: RegistryLocation): string {
  return 'file' in location ? location.file : withoutPassword(location.url);
}

/** What a server answers to an address that is not right, with what to do. */
function taught(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === '3D000')
    return messageForPerson(`${error.message}; make it with createdb, or correct SUPERSTEP_REGISTRY_URL`);
  if (error.code === '28P01' || error.code === '28000') {
    return messageForPerson(`${error.message}; correct user and password in SUPERSTEP_REGISTRY_URL`);
  }
  return error;
}
