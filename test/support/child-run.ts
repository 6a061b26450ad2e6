import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildMessage } from '../../contracts/child-process.ts';

export interface ChildRun<Result> {
  readonly messages: readonly ChildMessage<Result>[];
  readonly exitCode: number | null;
}

/**
 * Runs a child process entry on a job to its end; answers all its messages. With `abandonAt`, its stdin ends (as when
 * its parent dies) once that text has been printed.
 */
export async function runChild<Result>(entry: string, job: unknown, abandonAt?: string): Promise<ChildRun<Result>> {
  const folder = await mkdtemp(join(tmpdir(), 'child-run-'));
  try {
    const jobFile = join(folder, 'job.json');
    await writeFile(jobFile, JSON.stringify(job));
    const child = spawn(process.execPath, ['--import', 'tsx', entry, jobFile], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (abandonAt !== undefined && output.includes(abandonAt)) child.stdin.end();
    });
    const exitCode = await new Promise<number | null>((resolve, reject) =>
      child.on('close', resolve).on('error', reject),
    );
    const lines = output.split('\n').filter((line) => line !== '');
    return { messages: lines.map((line) => JSON.parse(line) as ChildMessage<Result>), exitCode };
  } finally {
    await rm(folder, { recursive: true });
  }
}
