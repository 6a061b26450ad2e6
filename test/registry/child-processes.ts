import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach } from 'vitest';
import { dropTestDatabase } from './test-database.ts';

/** A process at work on the registry of a test. */
export interface Work {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly lines: readonly string[];
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Resolves when so many lines have come, or the process has ended. */
  readonly said: (lines: number) => Promise<void>;
}

/** For each test of the file a folder for a registry, and processes to work on it; what is left of either is removed. */
export function childProcesses(script: string) {
  let folder = '';
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-'));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await dropTestDatabase(folder);
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder: () => folder,
    /** Starts the script with the folder and these arguments. */
    start: (...args: readonly string[]): Work => {
      const command = ['--import', 'tsx', script, folder, ...args];
      const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] });
      children.push(child);
      const lines: string[] = [];
      const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
      const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
      const said = async (wanted: number): Promise<void> => {
        const gone = ended.then(() => 'gone');
        while (lines.length < wanted) if ((await Promise.race([once(reader, 'line'), gone])) === 'gone') return;
      };
      return { child, lines, ended, said };
    },
  };
}
