import { spawn } from 'node:child_process';
import { killGroup, killGroupAtExit } from '../processes/process-groups.ts';
import { elapsed } from './report.ts';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The command and all it started are killed after this. */
  readonly timeoutMs: number;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end and returns what it printed. Rejects with a message of few lines when it cannot be found,
 * exits with another code than 0 or takes longer than `timeoutMs`; then its process group is killed, so that nothing
 * of it is left.
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    let timedOut = false;
    const forget = killGroupAtExit(child.pid);
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, options.timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      forget();
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      reject(error.code === 'ENOENT' ? new Error(`there is no command "${command}" on the PATH`) : error);
    });
    child.on('close', (code, signal) => {
      settle();
      if (timedOut) reject(new Error(`"${command}" took longer than ${elapsed(options.timeoutMs)}`));
      else if (code === 0) resolve({ stdout, stderr });
      else reject(new Error(`"${command}" ended with ${signal ?? `code ${code}`}: ${lastLines(stderr || stdout)}`));
    });
  });
}

/** The last lines that say something, in one. */
function lastLines(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.slice(-3).join(' | ') || 'it printed nothing';
}
