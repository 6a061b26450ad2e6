import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { firstLine } from '../message-for-person.ts';
import { killGroup, killGroupAtExit } from './process-groups.ts';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** One run of a program, from its start to its end. */
export interface ProcessLife {
  readonly pid: number | undefined;
  /** Resolves with how it ended, for example `SIGKILL` or `exit code 1`, once nothing of its group is left. */
  readonly over: Promise<string>;
  /** SIGTERM, then SIGKILL to the group after the grace time. */
  readonly end: (graceMs: number) => Promise<void>;
}

/** What a dead process printed last may still be on its way. */
const LAST_WORDS_MS = 1_000;

/**
 * Starts a program as leader of a process group of its own, with a pipe as stdin that ends when this process dies.
 * Whatever it leaves in its group is killed after its end.
 */
export function beginLife(program: Program, onLine: (line: string) => void): ProcessLife {
  const child = spawn(program.command, program.args, {
    env: program.env ?? process.env,
    ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const forget = killGroupAtExit(child.pid);
  createInterface({ input: child.stdout }).on('line', onLine);
  createInterface({ input: child.stderr }).on('line', onLine);
  child.stdin.on('error', () => undefined); // It may die before it reads.
  const over = endOf(child).then((how) => {
    forget();
    return how;
  });
  const end = async (graceMs: number): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => killGroup(child.pid), graceMs);
    await over;
    clearTimeout(timer);
  };
  return { pid: child.pid, over, end };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(firstLine(error)));
    child.once('exit', (code, signal) => {
      killGroup(child.pid);
      const how = signal ?? `exit code ${code}`;
      const timer = setTimeout(() => resolve(how), LAST_WORDS_MS);
      child.once('close', () => {
        clearTimeout(timer);
        resolve(how);
      });
    });
  });
}
