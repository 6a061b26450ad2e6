import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { ENVIRONMENTS } from '../../contracts/environments.ts';
import { locateRegistry } from '../../workers/configuration.ts';
import { startRegistryProcess } from '../clients/registry-process.ts';
import { findPostgres, startPostgres } from '../dev-server/postgres-server.ts';
import { printableError } from '../message-for-person.ts';
import { runCommand } from '../setup/run-command.ts';
import { ROOT } from '../stack/stack-home.ts';
import type { BenchContext } from './context.ts';
import { startMlflowServer } from './mlflow-server.ts';
import { createRegistryClient, type RegistryClient } from './registry-client.ts';
import { fillMlflow, fillSuperstep, type Filling } from './registry-fill.ts';

export type ServerName = 'Superstep' | 'Superstep on PostgreSQL' | 'mlflow server';

/** A running registry server with many rows in it. */
export interface BenchedServer {
  readonly name: ServerName;
  readonly client: RegistryClient;
  /** Backs the registry up while it is in use; undefined where the product has no such command. */
  readonly backUp?: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Who measures that cannot be had here, and why. */
export interface MissingServer {
  readonly name: ServerName;
  readonly why: string;
}

const BACKUP_WITHIN_MS = 120_000;
const ENVIRONMENT = 'dev';

/** Starts and fills every server that this machine can run; ours on SQLite must be among them. */
export async function startServers(
  context: BenchContext,
  filling: Filling,
): Promise<{ readonly servers: readonly BenchedServer[]; readonly missing: readonly MissingServer[] }> {
  const servers: BenchedServer[] = [];
  const missing: MissingServer[] = [];
  try {
    servers.push(await startOurs(context, filling, { name: 'Superstep', home: join(context.folder, 'registry') }));
    for (const [name, start] of [
      ['Superstep on PostgreSQL', startOnPostgres],
      ['mlflow server', startTheirs],
    ] as const) {
      context.signal.throwIfAborted();
      try {
        servers.push(await start(context, filling));
      } catch (error) {
        const why = printableError(error).split('\n')[0] ?? '';
        missing.push({ name, why });
        context.report(`${name} is left out: ${why}`);
      }
    }
    return { servers, missing };
  } catch (error) {
    for (const server of servers) await server.stop();
    throw error;
  }
}

interface Ours {
  readonly name: ServerName;
  readonly home: string;
  /** Of PostgreSQL, with the place of the environment's name in it; otherwise a file in `home`. */
  readonly url?: string;
}

async function startOurs(
  { report }: BenchContext,
  filling: Filling,
  { name, home, url }: Ours,
): Promise<BenchedServer> {
  await mkdir(home, { recursive: true });
  report(`${name}: ${filling.runs} runs and ${filling.versions} versions`);
  await fillSuperstep(locateRegistry(ENVIRONMENT, join(home, ENVIRONMENT), url), filling);
  const where = url === undefined ? {} : { SUPERSTEP_REGISTRY_URL: url };
  const server = await startRegistryProcess(home, where);
  const backUp = async (): Promise<void> => {
    const file = join(home, 'backups', randomUUID());
    const args = [join(ROOT, 'scripts', 'launch.mjs'), 'db', 'backup', file, '-n', ENVIRONMENT];
    const env = { ...process.env, SUPERSTEP_HOME: home, ...where };
    await runCommand(process.execPath, args, { timeoutMs: BACKUP_WITHIN_MS, env });
  };
  return { name, client: createRegistryClient(`${server.url}/${ENVIRONMENT}`), backUp, stop: server.stop };
}

async function startOnPostgres(context: BenchContext, filling: Filling): Promise<BenchedServer> {
  const found = findPostgres();
  if ('missing' in found) throw new Error(found.missing);
  // Its own settings: it forgets nothing.
  const postgres = await startPostgres(found.programs, []);
  try {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    for (const environment of ENVIRONMENTS) await client.query(`create database superstep_${environment}`);
    await client.end();
    const url = postgres.url.replace(/postgres$/, 'superstep_{environment}');
    const name = 'Superstep on PostgreSQL';
    const server = await startOurs(context, filling, { name, home: join(context.folder, 'registry-postgres'), url });
    const stop = async (): Promise<void> => {
      await server.stop();
      await postgres.stop();
    };
    return { ...server, stop };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function startTheirs({ folder, report }: BenchContext, filling: Filling): Promise<BenchedServer> {
  const { url, database, stop } = await startMlflowServer(join(folder, 'mlflow'), report);
  try {
    report('mlflow server: the same rows');
    await fillMlflow(database, filling);
    return { name: 'mlflow server', client: createRegistryClient(url), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
