import {
  bundleWorkflowCode,
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { WORKFLOW_ID_PREFIXES, type WorkflowType } from '../../contracts/workflow-ids.ts';
import { RECORDED_CASES } from '../workflows/recorded-cases.ts';

const FOLDER = import.meta.dirname;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface RecordedHistory {
  /** `<workflow>/<case>`. */
  readonly name: string;
  readonly text: string;
}

let histories: readonly RecordedHistory[];
beforeAll(async () => {
  // A failed replay is an answer here, not news for the log.
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter } } });
  const entries = await readdir(FOLDER, { recursive: true, withFileTypes: true });
  histories = await Promise.all(
    entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
      .map((entry) => join(entry.parentPath, entry.name))
      .map(async (file) => ({ name: relative(FOLDER, file).slice(0, -5), text: await readFile(file, 'utf8') })),
  );
});

/** Replays histories; what does not replay is listed with its error. */
async function replay(
  workflowBundle: WorkflowBundleOption,
  recorded: readonly RecordedHistory[],
): Promise<{ readonly name: string; readonly error: string }[]> {
  const failed = [];
  // Cases share workflow ids, as runs do that were started again; their run ids tell them apart.
  const names = new Map(recorded.map(({ name, text }) => [started(text).originalExecutionRunId, name]));
  const given = recorded.map(({ text }) => ({
    workflowId: started(text).workflowId,
    history: JSON.parse(text) as unknown,
  }));
  for await (const { runId, error } of Worker.runReplayHistories({ workflowBundle }, given)) {
    if (error !== undefined) failed.push({ name: names.get(runId) ?? runId, error: String(error) });
  }
  return failed;
}

function started(text: string): Readonly<Record<'workflowId' | 'originalExecutionRunId', string>> {
  const { events } = JSON.parse(text) as { readonly events: readonly Record<string, unknown>[] };
  return events[0]?.['workflowExecutionStartedEventAttributes'] as ReturnType<typeof started>;
}

/** How versions of registry clients ended. */
const OF_CLIENTS: Readonly<Record<string, string>> = { adopted: 'failed-comparison', unusable: 'failed-compliance' };

const PROMOTED_ALL_THE_SAME = [
  'promoted-by-quorum',
  'promoted-by-signatures',
  'promoted-after-escalation',
  'promoted-after-freeze',
  'approvals-lapsed',
  'champion-changed',
  'rules-changed',
];

describe('recorded histories', () => {
  it('are there for every workflow, each of the workflow that its folder names', () => {
    const types = Object.keys(WORKFLOW_ID_PREFIXES) as WorkflowType[];
    for (const type of types) {
      const own = histories.filter(({ name }) => dirname(name) === WORKFLOW_ID_PREFIXES[type]);
      expect(own.length, type).toBeGreaterThan(0);
      for (const { name, text } of own) expect(text, name).toContain(`"workflowType":{"name":"${type}"}`);
    }
  });

  it('are those of the cases that npm run record-histories runs', () => {
    const cases = RECORDED_CASES.map(({ workflow, name }) => `${WORKFLOW_ID_PREFIXES[workflow]}/${name}`);
    expect(histories.map(({ name }) => name).sort()).toEqual(cases.sort());
  });

  it('ended as their name says', () => {
    for (const { name, text } of histories) {
      const { events } = JSON.parse(text) as { readonly events: readonly Record<string, unknown>[] };
      const last = events.at(-1);
      if (basename(name) === 'cancelled') {
        expect(last?.['eventType'], name).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED');
        continue;
      }
      const completed = last?.['workflowExecutionCompletedEventAttributes'] as {
        readonly result: { readonly payloads: readonly { readonly data: string }[] };
      };
      const result = JSON.parse(Buffer.from(completed.result.payloads[0]?.data ?? '', 'base64').toString()) as {
        readonly outcome: string;
        readonly action?: string;
      };
      // A case may say more than its outcome: how it came about, or which action was taken.
      const said = PROMOTED_ALL_THE_SAME.includes(basename(name)) ? 'promoted' : OF_CLIENTS[basename(name)];
      expect([result.outcome, result.action], name).toContain(said ?? basename(name));
    }
  });

  it('hold nothing of the machine that recorded them', () => {
    for (const { name, text } of histories) {
      expect(text, name).not.toContain(`@${hostname()}`);
      expect(text, name).not.toContain(ROOT);
      expect(text, name).not.toMatch(/file:\/\/|node_modules|"stackTrace":"[^"]/);
      expect([...new Set(text.match(/"identity":"[^"]*"/g))], name).toEqual(['"identity":"superstep"']);
    }
  });

  it('replay', async () => {
    expect(await replay({ codePath: inject('workflowBundle') }, histories)).toEqual([]);
  });
});

describe('a workflow that was changed without a patch', () => {
  it('fails replay, and only its own histories do', async () => {
    const step = 'const parity = await training.checkParity';
    const bundle = await bundleChanged(
      'workflows/train-model.ts',
      step,
      `await training.trainModel({ pinned, dataset });\n${step}`,
    );
    const failed = await replay(bundle, histories);
    expect(failed.map(({ name }) => dirname(name))).toEqual(['train-model']);
    expect(failed[0]?.error).toMatch(/nondeterminism/i);
  });
});

/** Bundles the workflows with one of their lines changed, in a copy of the sources. */
async function bundleChanged(file: string, from: string, to: string): Promise<WorkflowBundleOption> {
  const copy = await mkdtemp(join(tmpdir(), 'changed-workflows-'));
  onTestFinished(() => rm(copy, { recursive: true }));
  for (const folder of ['workflows', 'contracts'])
    await cp(join(ROOT, folder), join(copy, folder), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const source = await readFile(join(copy, file), 'utf8');
  expect(source).toContain(from);
  await writeFile(join(copy, file), source.replace(from, to));
  return bundleWorkflowCode({
    workflowsPath: join(copy, 'workflows', 'index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
}
