import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WORKFLOW_ID_PREFIXES } from '../contracts/workflow-ids.ts';
import { RECORDED_CASES, type RecordedCase } from '../test/workflows/recorded-cases.ts';
import { startWorkflowEnv, type WorkflowEnv } from '../test/workflows/workflow-env.ts';
import { messageForPerson, runMain } from './message-for-person.ts';
import { ensureNativeParts } from './setup/native-parts.ts';
import { reportToStderr } from './setup/report.ts';
import { ensureWorkflowBundle } from './workflow-bundle.ts';

const HELP = `npm run record-histories: runs each recorded case of the workflows anew and writes its history to test/replay.

  npm run record-histories                              all
  npm run record-histories -- promote-model/expired …   only these

  After an intended change of a workflow; read the difference before you commit it. What is not recorded anew goes on
  proving that runs of before replay.
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

/** Cases by name, and all without names. */
function chooseCases(names: readonly string[]): readonly RecordedCase[] {
  const unknown = names.filter((name) => !RECORDED_CASES.some((recorded) => caseName(recorded) === name));
  if (unknown.length === 0)
    return RECORDED_CASES.filter((recorded) => names.length === 0 || names.includes(caseName(recorded)));
  throw messageForPerson(`${unknown.join(', ')}: expected ${RECORDED_CASES.map(caseName).join(', ')}`);
}

/** `<folder>/<case>`. */
function caseName({ workflow, name }: RecordedCase): string {
  return `${WORKFLOW_ID_PREFIXES[workflow]}/${name}`;
}

async function recordHistories(cases: readonly RecordedCase[]): Promise<number> {
  await ensureNativeParts(reportToStderr, process.env);
  const env = await startWorkflowEnv(await ensureWorkflowBundle({ report: reportToStderr }));
  // Replaced as a whole once all are recorded: a failure leaves the committed ones as they are.
  const fresh = `${FOLDER}/.recording-${randomUUID()}`;
  try {
    for (const recorded of cases) {
      const file = `${caseName(recorded)}.json`;
      await mkdir(dirname(join(fresh, file)), { recursive: true });
      await writeFile(join(fresh, file), await record(env, recorded));
      process.stdout.write(`recorded ${file}\n`);
    }
    if (cases.length === RECORDED_CASES.length)
      for (const workflow of Object.values(WORKFLOW_ID_PREFIXES))
        await rm(join(FOLDER, workflow), { recursive: true, force: true });
    for (const recorded of cases) {
      const file = `${caseName(recorded)}.json`;
      await mkdir(dirname(join(FOLDER, file)), { recursive: true });
      await rename(join(fresh, file), join(FOLDER, file));
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
  const names = process.argv.slice(2);
  if (!names.some((name) => name.startsWith('-'))) return recordHistories(chooseCases(names));
  process.stdout.write(HELP);
  return names[0] === '--help' || names[0] === '-h' ? 0 : 2;
});
