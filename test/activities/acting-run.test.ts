import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createActingRunInterceptor } from '../../activities/acting-run-interceptor.ts';
import { writeActivity } from '../../registry/activity-log.ts';
import { openTestRegistry, type TestRegistry } from '../registry/open-test-registry.ts';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

/** Runs what an activity of this workflow does. */
function asActivityOf<T>(workflowId: string, runId: string, work: () => Promise<T>): Promise<T> {
  const environment = new MockActivityEnvironment({ workflowExecution: { workflowId, runId } });
  const { execute } = createActingRunInterceptor();
  const input = { args: [], headers: {} } as unknown as ActivityExecuteInput;
  return environment.run(() => execute?.(input, work) as Promise<T>);
}

const act = (by: string, workflowId?: string): Promise<void> =>
  t.db.write((trx) =>
    writeActivity(trx, {
      at: '2001-03-01T00:00:00.000Z',
      action: 'NEW_COMMENT',
      by,
      ...(workflowId === undefined ? {} : { workflowId }),
    }),
  );

async function runs(): Promise<Record<string, readonly (string | null)[]>> {
  const acts = await t.registry.activitiesAfter(0, 1_000);
  return Object.fromEntries(acts.map(({ by, workflowId, workflowRunId }) => [by, [workflowId, workflowRunId]]));
}

describe('the audit of what an activity does', () => {
  it('names the workflow run, whether the act names the workflow or nobody does', async () => {
    await asActivityOf('gate', 'run 1', async () => {
      await act('named', 'gate');
      await act('unnamed');
    });
    expect(await runs()).toEqual({ named: ['gate', 'run 1'], unnamed: ['gate', 'run 1'] });
  });

  it('names no run of another workflow, which the row is about', async () => {
    await asActivityOf('newer gate', 'run 1', () => act('superseding', 'older gate'));
    expect(await runs()).toEqual({ superseding: ['older gate', null] });
  });

  it('names none for what no workflow does', async () => {
    await act('person', 'gate');
    expect(await runs()).toEqual({ person: ['gate', null] });
  });

  it('keeps apart who waits for the database at the same time', async () => {
    const names = Array.from({ length: 40 }, (_, i) => String(i));
    await Promise.all([
      ...names.map((name) => asActivityOf(`gate ${name}`, `run ${name}`, () => act(name))),
      ...names.map((name) => act(`person ${name}`)),
    ]);
    const expected = names.flatMap((name) => [
      [name, [`gate ${name}`, `run ${name}`]],
      [`person ${name}`, [null, null]],
    ]);
    expect(await runs()).toEqual(Object.fromEntries(expected));
  });
});
