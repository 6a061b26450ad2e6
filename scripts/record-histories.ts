import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WORKFLOW_ID_PREFIXES } from '../contracts/workflow-ids.ts';
import { RECORDED_CASES, type RecordedCase } from '../test/workflows/recorded-cases.ts';
import { startWorkflowEnv, type WorkflowEnv } from '../test/workflows/workflow-env.ts';
import { runMain } from './message-for-person.ts';
import { ensureNativeParts } from './setup/native-parts.ts';
import { reportToStderr } from './setup/report.ts';
import { ensureWorkflowBundle } from './workflow-bundle.ts';

const HELP = `npm run record-histories: runs each recorded case of the workflows anew and writes its history to test/replay.

  After an intended change of a workflow; read the difference before you commit it.
`;

const FOLDER = fileURLToPath(new URL('../test/replay', import.meta.url));

// What tells one machine from another and replay does not look at.
const OF_THIS_MACHINE: Readonly<Record<string, string>> = { identity: 'superstep', stackTrace: '' };

/**
 * Runs each case with mocked activities on a server of its own and returns its history: one event a line, without
 * anything of this machine.
 */
async function record(env: WorkflowEnv, recorded: RecordedCase): Promise<string> {
  env.mocks.answer(recorded.answers);
  const handle = await env.start(recorded.workflow, recorded.input, recorded.id);
  await recorded.meanwhile?.(handle, env);
  // A cancelled run is a case like any other.
  await handle.result().catch(() => undefined);
  return historyLines(handle);
}

async function historyLines(handle: WorkflowHandle): Promise<string> {
  const { events } = JSON.parse(historyToJSON(await handle.fetchHistory())) as { readonly events: readonly unknown[] };
  const lines = events.map((event) =>
    JSON.stringify(event, (name, value: unknown) =>
      typeof value === 'string' ? (OF_THIS_MACHINE[name] ?? value) : value,
    ),
  );
  return `{"events":[\n${lines.join(',\n')}\n]}\n`;
}

async function recordHistories(): Promise<number> {
  await ensureNativeParts(reportToStderr, process.env);
  const env = await startWorkflowEnv(await ensureWorkflowBundle({ report: reportToStderr }));
  // Replaced as a whole once all are recorded: a failure leaves the committed ones as they are.
  const fresh = `${FOLDER}/.recording-${randomUUID()}`;
  try {
    for (const recorded of RECORDED_CASES) {
      const workflow = WORKFLOW_ID_PREFIXES[recorded.workflow];
      await mkdir(join(fresh, workflow), { recursive: true });
      await writeFile(join(fresh, workflow, `${recorded.name}.json`), await record(env, recorded));
      process.stdout.write(`recorded ${workflow}/${recorded.name}\n`);
    }
    for (const workflow of Object.values(WORKFLOW_ID_PREFIXES)) {
      await rm(join(FOLDER, workflow), { recursive: true, force: true });
      await rename(join(fresh, workflow), join(FOLDER, workflow));
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await env.stop();
  }
  process.stdout.write(
    `Look at the differences with git diff: a history that no longer replays is a running workflow that breaks.\n`,
  );
  return 0;
}

await runMain(async () => {
  const [argument] = process.argv.slice(2);
  if (argument === undefined) return recordHistories();
  process.stdout.write(HELP);
  return argument === '--help' || argument === '-h' ? 0 : 2;
});
