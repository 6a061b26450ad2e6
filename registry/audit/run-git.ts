import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;
/** Heads of many years, one an hour. */
const MOST_OUTPUT = 256 * 1024 * 1024;
/** Nobody sits there to answer: a push that wants a password fails at once. */
const UNATTENDED = ['-c', 'core.askPass=true', '-c', 'credential.interactive=false'];

/** Runs git in a folder and returns what it printed. @throws with git's own last words */
export async function runGit(folder: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run('git', [...UNATTENDED, '-C', folder, ...args], {
      timeout: TIMEOUT_MS,
      maxBuffer: MOST_OUTPUT,
    });
    return stdout.trimEnd();
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const said = stderr === '' ? String(error) : (stderr.split('\n').at(-1) ?? stderr);
    throw new Error(said, { cause: error });
  }
}
