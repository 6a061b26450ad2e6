import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { nodeChildPorts, runChildJob } from '../../contracts/child-process.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';

/** What the sample child is asked to do. */
export interface SampleJob {
  readonly does:
    'succeed' | 'fail' | 'throw' | 'crash' | 'ask-for-memory' | 'be-stopped' | 'leave-early' | 'go-on-for-ever';
}

await runChildJob<SampleJob, { readonly pid: number; readonly flags: readonly string[] }>(
  nodeChildPorts(process, readFile),
  async ({ does }, report) => {
    // A library that prints must not spoil the messages.
    process.stdout.write('a library says hello\n{"level":"info"}\n7\nnull\n');
    for (let done = 1; done <= 2; done++) await report(done, 2, `${does}, process ${process.pid}`);
    if (does === 'fail') throw new SuperstepError('TrainingDiverged', 'the loss is not a number', { trial: 3 });
    if (does === 'ask-for-memory') throw new SuperstepError('OutOfMemory', 'no 8 TB to be had');
    if (does === 'be-stopped') process.kill(process.pid, 'SIGTERM');
    if (does === 'throw') throw new TypeError('cannot read the matrix');
    if (does === 'crash') {
      process.stderr.write(`${'noise '.repeat(2_000)}\nout of memory\n`);
      process.abort();
    }
    if (does === 'leave-early') process.exit(0);
    while (does === 'go-on-for-ever' || does === 'be-stopped') {
      await pause(20);
      await report(2, 2, 'still here');
    }
    return { pid: process.pid, flags: process.execArgv };
  },
);
