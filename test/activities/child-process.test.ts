import { CancelledFailure } from '@temporalio/common';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runChildProcess, withScratchFolder } from '../../activities/child-process.ts';
import type { Progress } from '../../activities/heartbeat.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { startChildrenUnderTsx } from './child-loader.ts';
import type { SampleJob } from './sample-child-process.ts';

const CHILD = join(import.meta.dirname, 'sample-child-process.ts');
const PARENT = join(import.meta.dirname, 'sample-parent-process.ts');

let folder: string;
startChildrenUnderTsx();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'child-process-'));
});
afterEach(() => rm(folder, { recursive: true }));

function run(does: SampleJob['does'], rest: { signal?: AbortSignal; onProgress?: (progress: Progress) => void } = {}) {
  const { signal = new AbortController().signal, onProgress = () => undefined } = rest;
  return runChildProcess<{ pid: number; flags: string[] }>({ entry: CHILD, job: { does }, folder, signal, onProgress });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function failure(running: Promise<unknown>): Promise<SuperstepError> {
  const error: unknown = await running.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SuperstepError);
  return error as SuperstepError;
}

describe('runChildProcess', () => {
  it('gives the result and hands progress on; what libraries print is ignored; no file is left', async () => {
    const progress: Progress[] = [];
    const { pid, flags } = await run('succeed', { onProgress: (p) => progress.push(p) });
    expect(pid).not.toBe(process.pid);
    expect(flags).toEqual(['--import', 'tsx']);
    expect(progress.map(({ done, total }) => [done, total])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('throws the failure of the child with its type and details', async () => {
    const { type, message, details } = await failure(run('fail'));
    expect({ type, message, details }).toEqual({
      type: 'TrainingDiverged',
      message: 'the loss is not a number',
      details: { trial: 3 },
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('makes any other error of the child one that is tried again', async () => {
    const { type, message } = await failure(run('throw'));
    expect(type).toBe('ChildProcessFailed');
    expect(message).toContain('TypeError: cannot read the matrix');
  });

  it('tells how a child ended that crashed, and its last words only', async () => {
    const starts = new Set<string>();
    const onProgress = ({ note }: Progress): void => void starts.add(note);
    const { type, message, details } = await failure(run('crash', { onProgress }));
    expect([type, details]).toEqual(['ChildProcessKilled', { signal: 'SIGABRT' }]);
    expect(message).toMatch(/sample-child-process.ts was ended by signal SIGABRT, 3 times in a row/);
    expect(message).toContain('out of memory');
    expect(message.length).toBeLessThan(4_500);
    expect(starts.size).toBe(3);
  });

  it('starts one that gets no memory twice again, too', async () => {
    const starts = new Set<string>();
    const onProgress = ({ note }: Progress): void => void starts.add(note);
    expect((await failure(run('ask-for-memory', { onProgress }))).type).toBe('OutOfMemory');
    expect(starts.size).toBe(3);
  });

  it('blames nothing on a child that was told to stop', async () => {
    const starts = new Set<string>();
    const onProgress = ({ note }: Progress): void => void starts.add(note);
    const { type, message } = await failure(run('be-stopped', { onProgress }));
    expect([type, starts.size]).toEqual(['ChildProcessFailed', 1]);
    expect(message).toContain('ended with signal SIGTERM');
  });

  it('starts a child again that was killed once', async () => {
    let killed = 0;
    const onProgress = ({ note }: Progress): void => {
      const pid = Number(/process (\d+)/.exec(note)?.[1]);
      if (killed === 0) process.kill((killed = pid), 'SIGKILL');
    };
    const { pid } = await run('succeed', { onProgress });
    expect(killed).toBeGreaterThan(0);
    expect(pid).not.toBe(killed);
  });

  it('does not start it again once it is cancelled', async () => {
    const controller = new AbortController();
    let starts = 0;
    const onProgress = ({ done, note }: Progress): void => {
      if (done !== 1) return;
      starts += 1;
      process.kill(Number(/process (\d+)/.exec(note)?.[1]), 'SIGKILL');
      setTimeout(() => controller.abort(), 100);
    };
    await expect(run('go-on-for-ever', { signal: controller.signal, onProgress })).rejects.toBeInstanceOf(
      CancelledFailure,
    );
    expect(starts).toBe(1);
  });

  it('takes no silence for success', async () => {
    const { type, message } = await failure(run('leave-early'));
    expect(type).toBe('ChildProcessFailed');
    expect(message).toContain('exit code 0 and no result; it last said: nothing');
  });

  it('tells of an entry that is not there', async () => {
    const missing = { entry: join(folder, 'gone.mjs'), job: {}, folder, onProgress: () => undefined };
    const { message } = await failure(runChildProcess({ ...missing, signal: new AbortController().signal }));
    expect(message).toContain('gone.mjs');
  });

  it('kills the child when the signal aborts', async () => {
    const controller = new AbortController();
    let pid = 0;
    const onProgress = ({ note }: Progress): void => {
      pid = Number(/process (\d+)/.exec(note)?.[1] ?? pid);
      controller.abort();
    };
    await expect(run('go-on-for-ever', { signal: controller.signal, onProgress })).rejects.toBeInstanceOf(
      CancelledFailure,
    );
    expect(pid).toBeGreaterThan(0);
    expect(isAlive(pid)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it('starts nothing when the signal has aborted already', async () => {
    await expect(run('succeed', { signal: AbortSignal.abort(new CancelledFailure('too late')) })).rejects.toThrow(
      'too late',
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves no child behind when it is itself killed', async () => {
    const parent = spawn(process.execPath, ['--import', 'tsx', PARENT, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const child = await new Promise<number>((resolve) => {
      let printed = '';
      parent.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        const pid = /process (\d+)/.exec(printed)?.[1];
        if (pid !== undefined) resolve(Number(pid));
      });
    });
    expect(isAlive(child)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(child)).toBe(false), { timeout: 30_000 });
  });
});

describe('withScratchFolder', () => {
  it('gives each work a folder of its own, and removes it whatever happens', async () => {
    const seen = await Promise.all([1, 2].map(() => withScratchFolder(folder, async (path) => path)));
    expect(new Set(seen).size).toBe(2);
    const failing = withScratchFolder(folder, () => Promise.reject(new Error('no luck')));
    await expect(failing).rejects.toThrow('no luck');
    expect(await readdir(folder)).toEqual([]);
  });
});
