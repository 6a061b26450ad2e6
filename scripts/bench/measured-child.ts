import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ChildMessage, nodeChildPorts, type ReportProgress, runChildJob } from '../../contracts/child-process.ts';
import { messageForPerson } from '../message-for-person.ts';
import { typescriptArguments } from '../processes/typescript-process.ts';

/** What a child process used for its work, loading of the code excluded; `peakMb` is the process's own peak. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakMb: number;
}

export interface Measured<Result> {
  readonly result: Result;
  readonly usage: Usage;
}

/** The child's side: runs the work of a `<what>-process.ts`, and says what it used beside its result. */
export function runMeasuredJob<Job, Result>(
  work: (job: Job, report: ReportProgress) => Promise<Result>,
): Promise<void> {
  return runChildJob<Job, Measured<Result>>(nodeChildPorts(process, readFile), async (job, report) => {
    const started = performance.now();
    const before = process.cpuUsage();
    const result = await work(job, report);
    const { user, system } = process.cpuUsage(before);
    const wallSeconds = (performance.now() - started) / 1000;
    const peakMb = process.resourceUsage().maxRSS / 1024;
    return { result, usage: { cpuSeconds: (user + system) / 1e6, wallSeconds, peakMb } };
  });
}

/** A child process for one job. */
export interface ChildJob {
  /** Absolute path of its `<what>-process.ts`. */
  readonly entry: string;
  readonly job: unknown;
  /** Folder for the job file. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** What the child reports, and how many seconds after its start. */
  readonly onProgress?: (note: string, seconds: number) => void;
}

/**
 * The parent's side: runs a child to its result; `seconds` is the wall time from its start to its end. The child is
 * killed when the signal aborts, and dies with this process.
 *
 * @throws with what it last said, when it ends without a result.
 */
export async function runChild<Result>(
  child: ChildJob,
): Promise<{ readonly result: Result; readonly seconds: number }> {
  child.signal.throwIfAborted();
  const jobFile = join(child.folder, `job-${randomUUID()}.json`);
  await writeFile(jobFile, JSON.stringify(child.job));
  const started = performance.now();
  const running = spawn(process.execPath, typescriptArguments(child.entry, jobFile), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
  });
  const kill = (): void => void running.kill('SIGKILL');
  child.signal.addEventListener('abort', kill, { once: true });
  try {
    const closed = new Promise<void>((resolve, reject) => running.once('error', reject).once('close', () => resolve()));
    closed.catch(() => undefined);
    let stderr = '';
    running.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4_000)));
    let answer: ChildMessage<Result> | undefined;
    for await (const line of createInterface({ input: running.stdout })) {
      const message = readMessage<Result>(line);
      if (message?.kind === 'progress') child.onProgress?.(message.note, (performance.now() - started) / 1000);
      else answer = message ?? answer;
    }
    await closed;
    child.signal.throwIfAborted();
    const seconds = (performance.now() - started) / 1000;
    if (answer?.kind === 'result') return { result: answer.result, seconds };
    const said = answer?.kind === 'failure' ? `${answer.type}: ${answer.message}` : stderr || 'nothing';
    throw messageForPerson(
      `${child.entry} ended without a result (${String(running.exitCode ?? running.signalCode)}): ${said}`,
    );
  } finally {
    child.signal.removeEventListener('abort', kill);
    kill();
    await rm(jobFile, { force: true });
  }
}

function readMessage<Result>(line: string): ChildMessage<Result> | undefined {
  try {
    const parsed = JSON.parse(line) as Partial<ChildMessage<Result>> | null;
    return parsed?.kind === undefined ? undefined : (parsed as ChildMessage<Result>);
  } catch {
    return undefined;
  }
}
