import { fileURLToPath } from 'node:url';
import { runChildProcess } from '../../activities/child-process.ts';

// Runs a child that never ends and prints what it reports, until it is killed. argv[2] is a folder for its job.
await runChildProcess({
  entry: fileURLToPath(new URL('./sample-child-process.ts', import.meta.url)),
  job: { does: 'go-on-for-ever' },
  folder: process.argv[2] ?? '.',
  signal: new AbortController().signal,
  onProgress: ({ note }) => process.stdout.write(`${note}\n`),
});
