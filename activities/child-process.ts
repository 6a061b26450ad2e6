import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import type { ChildMessage } from '../contracts/child-process.ts';
import { type FailureType, SuperstepError } from '../contracts/failure-types.ts';
import type { Progress } from './heartbeat.ts';

/** What a child needs to run, and who hears of it. */
export interface ChildRun {
  /** The `<what>-process.ts` file. */
  readonly entry: string;
  readonly job: unknown;
  /** The folder for the job file; the caller removes it. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

// What a crashed child last said is in its stderr; more than this helps nobody.
const STDERR_KEPT = 4_000;

// A child that the system killed may have met a machine short of memory; one that is killed again and again, by what it
// computes, would be so all day.
const PAUSES_MS = [500, 2_000];
const TRIED_AGAIN: readonly FailureType[] = ['ChildProcessKilled', 'OutOfMemory'];

// A person or a supervisor stops a process by these, whatever it computes.
const STOPPED_BY: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/**
 * Runs a child process to its result. The child dies with this process (it notices that its stdin ended) and is killed
 * when the signal aborts. One that crashed, or got no memory, is started again, twice.
 *
 * @throws its failure with its type; ChildProcessFailed when it left without an answer or was told to stop;
 *   ChildProcessKilled or OutOfMemory when that happened each time
 */
export async function runChildProcess<Result>(run: ChildRun): Promise<Result> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await runOnce<Result>(run);
    } catch (error) {
      if (!(error instanceof SuperstepError) || !TRIED_AGAIN.includes(error.type)) throw error;
    }
    await pause(pauseMs, undefined, { signal: run.signal }).catch(() => {
      throw new CancelledFailure('cancelled between two tries of the child process');
    });
  }
  return runOnce<Result>(run);
}

async function runOnce<Result>(run: ChildRun): Promise<Result> {
  run.signal.throwIfAborted();
  const jobFile = join(run.folder, `job-${randomUUID()}.json`);
  await writeFile(jobFile, JSON.stringify(run.job));
  // The same loader flags as this process: TypeScript in development, plain JavaScript where it was compiled.
  const child = spawn(process.execPath, [...process.execArgv, run.entry, jobFile], { stdio: ['pipe', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  run.signal.addEventListener('abort', kill, { once: true });
  try {
    const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    // Awaited below; without a handler until then, a failed spawn would end this process.
    closed.catch(() => undefined);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_KEPT)));
    let answer: ChildMessage<Result> | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      const message = readMessage<Result>(line);
      if (message?.kind === 'progress') run.onProgress(message);
      else answer = message ?? answer;
    }
    const code = await closed;
    if (run.signal.aborted) throw new CancelledFailure('cancelled: the child process was killed');
    return resultOf(answer, run.entry, code, child.signalCode, stderr);
  } finally {
    run.signal.removeEventListener('abort', kill);
    kill();
    await rm(jobFile, { force: true });
  }
}

function resultOf<Result>(
  answer: ChildMessage<Result> | undefined,
  entry: string,
  code: number | null,
  signal: NodeJS.Signals | null,
  stderr: string,
): Result {
  if (answer?.kind === 'result' && code === 0) return answer.result;
  if (answer?.kind === 'failure') throw new SuperstepError(answer.type, answer.message, answer.details);
  const last = `no result; it last said: ${stderr || 'nothing'}`;
  if (signal === null || STOPPED_BY.includes(signal)) {
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    throw new SuperstepError('ChildProcessFailed', `${entry} ended with ${how} and ${last}`);
  }
  throw new SuperstepError(
    'ChildProcessKilled',
    `${entry} was ended by signal ${signal}, ${PAUSES_MS.length + 1} times in a row: what it computes crashes it, or needs more memory than there is. It gave ${last}`,
    { signal },
  );
}

/** A line that is no message (a library that prints) is ignored. */
function readMessage<Result>(line: string): ChildMessage<Result> | undefined {
  try {
    const parsed = JSON.parse(line) as Partial<ChildMessage<Result>> | null;
    return typeof parsed === 'object' && parsed?.kind !== undefined ? (parsed as ChildMessage<Result>) : undefined;
  } catch {
    return undefined;
  }
}

/** Runs `work` with a folder of its own below `parent`, removed afterwards. */
export async function withScratchFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(parent, randomUUID());
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
