import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';

/** A PostgreSQL of one's own: for tests and benches. */
export interface PostgresServer {
  /** URL of its database `postgres`; the user may do everything. */
  readonly url: string;
  readonly stop: () => Promise<void>;
  /** Stops it in the middle of what it does, and starts it again on the same data when the work is done. */
  readonly restart: (whileAway: () => Promise<void>) => Promise<void>;
}

const START_WITHIN_MS = 60_000;
/** The server refuses root: then it runs as the user that its package makes. */
const SERVER_USER = 'postgres';
const USER = 'superstep';
/** Runs the server until it ends, or until stdin does: with the process that started it, however that ends. */
const GUARD = '{ "$0" "$@"; kill $$; } & read _; kill -QUIT "$(head -n 1 "$PGDATA/postmaster.pid")"; wait';

/** Folder of the system's PostgreSQL programs, or why there is none. */
export function findPostgres(): { readonly programs: string } | { readonly missing: string } {
  const programs = programFolders().find((folder) => existsSync(join(folder, 'initdb')));
  if (programs === undefined) {
    return { missing: 'there is no PostgreSQL server on this machine; install it: apt-get install postgresql' };
  }
  if (isRoot() && serverUser() === undefined) {
    return { missing: `PostgreSQL does not run as root; add a user: useradd ${SERVER_USER}` };
  }
  return { programs };
}

/** Those of the PATH, then where Debian keeps them, newest first. */
function programFolders(): string[] {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  return [...onPath, ...versions.map((version) => join(debian, version, 'bin'))];
}

/** Settings of a server that is worth nothing after a power cut. */
export const FORGETFUL: readonly string[] = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** Makes a server in a temporary folder and starts it. */
export async function startPostgres(programs: string, settings: readonly string[]): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  const user = isRoot() ? serverUser() : undefined;
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const identity = { cwd: folder, ...user };
  const data = join(folder, 'data');
  initialise(join(programs, 'initdb'), data, identity);

  const port = await freePort();
  const own = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'max_connections=200',
  ];
  const options = [...settings, ...own].flatMap((setting) => ['-c', setting]);
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`;
  const start = (): Promise<RunningServer> => run(url, [join(programs, 'postgres'), ...options], data, identity);
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  let running = await start().catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    url,
    restart: async (whileAway) => {
      await running.end();
      await whileAway();
      running = await start();
    },
    stop: async () => {
      await running.end();
      await remove();
    },
  };
}

interface RunningServer {
  readonly end: () => Promise<void>;
}

/** Runs a server's program; answers when the server does. */
async function run(url: string, command: readonly string[], data: string, identity: Identity): Promise<RunningServer> {
  const child = spawn('/bin/sh', ['-c', GUARD, ...command], {
    ...identity,
    env: { ...process.env, PGDATA: data },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-10_000)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  try {
    await waitUntilReady(url, child);
    return { end };
  } catch (error) {
    await end();
    throw new Error(`PostgreSQL did not start: ${said}`, { cause: error });
  }
}

type Identity = { readonly cwd: string; readonly uid?: number; readonly gid?: number };

/** A language whose order is not that of the bytes, where this server can have one: that the registry must not notice. */
function initialise(initdb: string, data: string, identity: Identity): void {
  const args = ['-D', data, '-U', USER, '--auth=trust', '--encoding=UTF8', '--no-sync'];
  const options = { ...identity, stdio: 'pipe' } as const;
  try {
    execFileSync(initdb, [...args, '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US'], options);
  } catch {
    execFileSync(initdb, [...args, '--locale=C'], options);
  }
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_WITHIN_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) throw error;
      await wait(50);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function isRoot(): boolean {
  return userInfo().uid === 0;
}

function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  try {
    const id = (option: string): number =>
      Number(execFileSync('id', [option, SERVER_USER], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}
