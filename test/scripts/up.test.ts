import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { typescriptArguments } from '../../scripts/processes/typescript-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

const LAUNCHER = fileURLToPath(new URL('../../scripts/launch.mjs', import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly printed: () => string;
}

function npmStart(env: NodeJS.ProcessEnv, ...args: string[]): Started {
  return start([LAUNCHER, 'up', ...args], env);
}

function start(args: string[], env: NodeJS.ProcessEnv): Started {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, TEMPORAL_ADDRESS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (printed += data.toString()));
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { child, printed: () => printed };
}

/** Process ids and command lines of all that descends from a process. */
function descendantsOf(pid: number): { pid: number; command: string }[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^ *(\d+) +(\d+) +(.*)$/.exec(line))
    .flatMap((match) =>
      match === null ? [] : [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] ?? '' }],
    );
  const below = (parent: number): typeof table =>
    table.filter((row) => row.parent === parent).flatMap((row) => [row, ...below(row.pid)]);
  return below(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The loader's own helper processes need a moment to notice that nobody reads them any more. */
async function allGone(processes: readonly { readonly pid: number }[]): Promise<void> {
  await vi.waitFor(() => expect(processes.filter(({ pid }) => isAlive(pid))).toEqual([]), 40_000);
}

async function isUp({ child, printed }: Started): Promise<void> {
  await vi.waitFor(
    () => {
      if (child.exitCode !== null) return;
      expect(printed()).toContain('Ctrl-C stops everything.');
    },
    { timeout: 100_000, interval: 100 },
  );
  expect(printed()).toContain('Superstep is up.');
}

describe('npm start', () => {
  it('runs everything, restarts a killed worker, refuses a second start, and leaves nothing behind', async () => {
    const home = join(await temporaryFolder(), 'home');
    const env = { SUPERSTEP_HOME: home, SUPERSTEP_PORT: '0' };
    const started = npmStart(env);
    await isUp(started);

    const addresses = [...started.printed().matchAll(/http:\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url);
    const [ui = '', registry = '', evidence = '', ...endpoints] = addresses;
    expect((await fetch(ui)).status).toBe(200);
    expect(await (await fetch(evidence)).text()).toContain('<!doctype html>');
    expect(await (await fetch(`${registry}/health`)).text()).toBe('OK');
    // Prod asks everybody who it is; its admin's token is shown at the first start, and kept.
    expect((await fetch(`${registry}/api/2.0/mlflow/registered-models/search`)).status).toBe(401);
    const token = /^ {2}(ss_\S+)$/m.exec(started.printed())?.[1] ?? '';
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${registry}/api/2.0/mlflow/registered-models/search`, { headers })).status).toBe(200);
    for (const endpoint of endpoints) expect((await fetch(`${endpoint}/v2/health/live`)).status).toBe(200);
    expect(endpoints).toHaveLength(3);

    const second = npmStart(env);
    await once(second.child, 'exit');
    expect(second.child.exitCode).toBe(1);
    expect(second.printed()).toContain(`Superstep already runs on ${home} (process ${started.child.pid})`);

    const processes = descendantsOf(started.child.pid ?? 0);
    const workers = processes.filter(({ command }) => command.includes('worker-process'));
    expect(workers).toHaveLength(6);
    process.kill(workers[0]?.pid ?? 0, 'SIGKILL');
    await vi.waitFor(
      () => expect(started.printed()).toMatch(/worker dev workflows died \(SIGKILL\); starting it again/),
      20_000,
    );

    started.child.kill('SIGINT');
    await once(started.child, 'exit');
    expect(started.child.exitCode).toBe(0);
    await allGone(processes);
  });

  it('leaves nothing behind when it is killed itself', async () => {
    const folder = await temporaryFolder();
    const program = join(folder, 'one-environment.mts');
    const up = fileURLToPath(new URL('../../scripts/up.ts', import.meta.url));
    await writeFile(
      program,
      `import { startStack } from ${JSON.stringify(up)};
       await startStack({ home: ${JSON.stringify(join(folder, 'home'))}, environments: ['prod'] });
       console.log('Superstep is up. Ctrl-C stops everything.');`,
    );
    const started = start(typescriptArguments(program), { SUPERSTEP_PORT: '0' });
    await isUp(started);
    const processes = descendantsOf(started.child.pid ?? 0);
    expect(processes.filter(({ command }) => /worker-process|endpoint-process|start-dev/.test(command))).toHaveLength(
      5,
    );
    started.child.kill('SIGKILL');
    await allGone(processes);
  });

  it('stops at once while it is still starting', async () => {
    const home = join(await temporaryFolder(), 'home');
    const started = npmStart({ SUPERSTEP_HOME: home, SUPERSTEP_PORT: '0' });
    await vi.waitFor(() => expect(descendantsOf(started.child.pid ?? 0).length).toBeGreaterThan(0), 30_000);
    const processes = descendantsOf(started.child.pid ?? 0);
    started.child.kill('SIGTERM');
    await once(started.child, 'exit');
    expect(started.child.exitCode).toBe(0);
    await allGone(processes);
  });

  it('explains itself', async () => {
    const help = npmStart({}, '--help');
    const wrong = npmStart({}, '--port', '1');
    await Promise.all([once(help.child, 'exit'), once(wrong.child, 'exit')]);
    expect(help.printed()).toContain('SUPERSTEP_HOME');
    expect([help.child.exitCode, wrong.child.exitCode]).toEqual([0, 2]);
    expect(wrong.printed()).toContain('npm start takes no arguments, but got "--port 1"');
  });
});
