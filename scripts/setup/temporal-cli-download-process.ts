import { TestWorkflowEnvironment } from '@temporalio/testing';
import { firstLine } from '../message-for-person.ts';

/**
 * `<folder> <version>`: lets the SDK download the Temporal CLI into the folder. It can only be asked to do so by
 * starting a server, which is stopped at once. A process of its own, because it cannot be interrupted.
 */
async function download(downloadDir: string, version: string): Promise<void> {
  const executable = { type: 'cached-download', downloadDir, version } as const;
  const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
  await environment.teardown();
}

const [downloadDir = '', version = ''] = process.argv.slice(2);
await download(downloadDir, version).catch((error: unknown) => {
  process.stderr.write(`${firstLine(error)}\n`);
  process.exitCode = 1;
});
