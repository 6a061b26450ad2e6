import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type SupervisedProcess,
  type SuperviseOptions,
  superviseProcess,
} from '../../../scripts/processes/supervise-process.ts';
import { typescriptArguments } from '../../../scripts/processes/typescript-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const BACK_OFF = { firstMs: 20, lastMs: 100, healthyMs: 60_000 };
/** Says that it is up and leaves with its parent, as all our processes do. */
const WELL_BEHAVED = `console.log('ready'); process.stdin.on('end', () => process.exit(0)).resume();`;
/** Does neither leave on SIGTERM nor with its parent. */
const STUBBORN = `process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1000);`;

async function supervise(
  program: string,
  options: Partial<SuperviseOptions> = {},
): Promise<{ supervised: SupervisedProcess; said: string[]; log: string }> {
  const log = join(await temporaryFolder(), 'process.log');
  const said: string[] = [];
  const supervised = superviseProcess({
    name: 'worker',
    command: process.execPath,
    args: ['-e', program],
    log,
    graceMs: 2_000,
    report: (line) => said.push(line),
    backOff: BACK_OFF,
    isReady: (line) => line === 'ready',
    ...options,
  });
  onTestFinished(() => supervised.stop());
  return { supervised, said, log };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function untilGone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 20 });
}

describe('superviseProcess', () => {
  it('starts a killed process again and says so', async () => {
    const { supervised, said, log } = await supervise(WELL_BEHAVED);
    await supervised.ready();
    const first = supervised.pid() ?? 0;
    process.kill(first, 'SIGKILL');
    await vi.waitFor(() => expect(supervised.restarts()).toBe(1), { timeout: 10_000 });
    await supervised.ready();
    expect(supervised.pid()).not.toBe(first);
    expect(said).toEqual(['worker died (SIGKILL); starting it again in 0.0 s']);
    await supervised.stop();
    expect(await readFile(log, 'utf8')).toMatch(/started, pid \d+\nready\n--- \S+ worker: SIGKILL\n[^]*ready\n/);
  });

  it('gives up waiting, with its last words, on one that never gets ready, but goes on trying', async () => {
    const { supervised, said } = await supervise(`console.error('no such file: x.json'); process.exit(3);`);
    await expect(supervised.ready()).rejects.toThrow(
      /worker died 3 times before it was ready \(exit code 3\)[^]*no such file: x\.json/,
    );
    expect(said).toContain('worker died (exit code 3); starting it again in 0.1 s');
    await vi.waitFor(() => expect(supervised.restarts()).toBeGreaterThanOrEqual(3), { timeout: 10_000 });
  });

  it('says what is wrong when the command does not exist', async () => {
    const { supervised } = await supervise('', { command: '/nowhere/node' });
    await expect(supervised.ready()).rejects.toThrow(/ENOENT/);
  });

  it('ends one that ignores SIGTERM after the grace time, and all that it started', async () => {
    const program = `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(STUBBORN)}], { stdio: 'ignore' });
      console.log('child ' + child.pid); ${STUBBORN}`;
    let grandchild = 0;
    const onLine = (line: string): void => void (grandchild ||= Number(/^child (\d+)/.exec(line)?.[1] ?? 0));
    const { supervised } = await supervise(program, { graceMs: 200, onLine });
    await supervised.ready();
    const pid = supervised.pid() ?? 0;
    await supervised.stop();
    expect(isAlive(pid)).toBe(false);
    await untilGone(grandchild);
  });

  it('lets one that needs a moment end by itself', async () => {
    const tidy = `process.on('SIGTERM', () => setTimeout(() => { console.log('tidied up'); process.exit(0); }, 100));
      ${WELL_BEHAVED}`;
    const { supervised, log } = await supervise(tidy);
    await supervised.ready();
    await supervised.stop();
    expect(await readFile(log, 'utf8')).toMatch(/tidied up\n--- \S+ worker: exit code 0\n$/);
  });

  it('does not start anything again after stop, not even out of a back-off', async () => {
    const { supervised } = await supervise('process.exit(1)', { backOff: { ...BACK_OFF, firstMs: 300 } });
    await vi.waitFor(() => expect(supervised.pid()).toBeUndefined(), { timeout: 10_000 });
    const before = supervised.restarts();
    await supervised.stop();
    await wait(400);
    expect(supervised.restarts()).toBe(before);
    await expect(supervised.ready()).rejects.toThrow('was stopped');
  });

  it('leaves no orphan when the supervisor is killed, guarded processes included', async () => {
    const folder = await temporaryFolder();
    const at = (path: string): string => fileURLToPath(new URL(`../../../scripts/processes/${path}`, import.meta.url));
    const program = join(folder, 'supervisor.mts');
    // A guarded process knows nothing of its parent: the guard ends it.
    const guarded = `console.log('guarded ' + process.pid); setInterval(() => {}, 1000);`;
    await writeFile(
      program,
      `import { superviseProcess } from ${JSON.stringify(at('supervise-process.ts'))};
       const common = { command: process.execPath, graceMs: 1000, report: () => undefined, onLine: (line: string) => console.log(line) };
       superviseProcess({ ...common, name: 'own', args: ['-e', ${JSON.stringify(`console.log('own ' + process.pid); ${WELL_BEHAVED}`)}], log: '${folder}/own.log' });
       superviseProcess({ ...common, name: 'guarded', args: [${JSON.stringify(at('guard-process.mjs'))}, '1000', process.execPath, '-e', ${JSON.stringify(guarded)}], log: '${folder}/guarded.log' });`,
    );
    const supervisor = spawn(process.execPath, typescriptArguments(program), { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void supervisor.kill('SIGKILL'));
    let printed = '';
    supervisor.stdout.on('data', (data: Buffer) => (printed += data.toString()));
    const pidOf = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(printed)?.[1] ?? 0);
    await vi.waitFor(() => expect(pidOf('own') * pidOf('guarded')).toBeGreaterThan(0), { timeout: 20_000 });
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');
    await untilGone(pidOf('own'));
    await untilGone(pidOf('guarded'));
  });
});
