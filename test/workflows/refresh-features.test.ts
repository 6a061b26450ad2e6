import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { AS_OF, PINNED, PLAN, PROJECT, staged } from './sample-values.ts';
import { startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const INPUT = { project: PROJECT, asOf: AS_OF };

describe('refreshFeatures', () => {
  it('stages each table on what was staged before it, and publishes all at once', async () => {
    env.mocks.answer();
    const handle = await env.start('refreshFeatures', INPUT);
    const expectation = { name: 'sane_distance', action: 'quarantine', broken: 2, total: 117_000 };
    expect(await handle.result()).toEqual({
      outcome: 'refreshed',
      asOf: AS_OF,
      snapshot: 42,
      tables: PLAN.tables.map((table) => ({ table, rows: 117_000, total: 2_000_000 })),
      expectations: PLAN.tables.map((table) => ({ table, ...expectation })),
    });
    const stagings = env.mocks.calls('stageTable');
    expect(stagings.map(({ table }) => table)).toEqual(PLAN.tables);
    expect(stagings.map((call) => call.staged.map(({ table }) => table))).toEqual([
      [],
      PLAN.tables.slice(0, 1),
      PLAN.tables.slice(0, 2),
    ]);
    expect(env.mocks.calls('adoptRefresh')).toEqual([
      { pinned: PINNED, plan: PLAN, staged: PLAN.tables.map((t) => staged(t)) },
    ]);
    const { phase, asOf, details } = await status(handle);
    expect({ phase, asOf }).toEqual({ phase: 'done', asOf: AS_OF });
    expect(details).toContain('Published as snapshot **42**');
  });

  it('ends with the snapshot that is there when nothing became known', async () => {
    env.mocks.answer({ planRefresh: async () => ({ ...PLAN, outcome: 'no-new-data' }) });
    const handle = await env.start('refreshFeatures', INPUT);
    expect(await handle.result()).toEqual({
      outcome: 'no-new-data',
      asOf: AS_OF,
      snapshot: 41,
      tables: [],
      expectations: [],
    });
    expect(env.mocks.order()).toEqual(['acceptInput', 'planRefresh']);
    expect((await status(handle)).details).toContain('Nothing became known since 2001-04-24');
  });

  it('looks again when another refresh was published meanwhile', async () => {
    let plans = 0;
    env.mocks.answer({
      adoptRefresh: async () => null,
      planRefresh: async () => (++plans === 1 ? PLAN : { ...PLAN, outcome: 'no-new-data' }),
    });
    const handle = await env.start('refreshFeatures', INPUT);
    expect(await handle.result()).toMatchObject({ outcome: 'no-new-data', snapshot: 41 });
    expect(env.mocks.calls('adoptRefresh')).toHaveLength(1);
    expect(env.mocks.calls('planRefresh')).toHaveLength(2);
  });

  it('looks again when another run carried out the same plan', async () => {
    let plans = 0;
    env.mocks.answer({
      stageTable: async () => null,
      planRefresh: async () => (++plans === 1 ? PLAN : { ...PLAN, outcome: 'no-new-data' }),
    });
    const handle = await env.start('refreshFeatures', INPUT);
    expect(await handle.result()).toMatchObject({ outcome: 'no-new-data' });
    expect(env.mocks.order()).not.toContain('adoptRefresh');
  });

  it('ends without a snapshot when there never was any data', async () => {
    env.mocks.answer({ planRefresh: async () => ({ ...PLAN, outcome: 'no-new-data', base: null }) });
    const handle = await env.start('refreshFeatures', INPUT);
    expect(await handle.result()).toMatchObject({ outcome: 'no-new-data', snapshot: null });
  });

  it('stops at the table whose expectation says so, records it and publishes nothing', async () => {
    const stopping = { name: 'has_origin', action: 'stop', broken: 3, total: 117_000 } as const;
    env.mocks.answer({
      stageTable: async ({ table }) =>
        table === 'silver.flights' ? staged(table, { expectations: [stopping], stopped: 'has_origin' }) : staged(table),
    });
    const handle = await env.start('refreshFeatures', INPUT);
    expect(await handle.result()).toMatchObject({
      outcome: 'stopped-by-expectation',
      stoppedBy: 'silver.flights.has_origin',
      snapshot: 41,
      tables: [],
      expectations: [{ table: 'bronze.flights' }, { table: 'silver.flights', ...stopping }],
    });
    expect(env.mocks.order()).toEqual([
      'acceptInput',
      'planRefresh',
      'stageTable',
      'stageTable',
      'recordStoppedRefresh',
    ]);
    expect((await status(handle)).details).toContain('**Stopped** by expectation `silver.flights.has_origin`');
  });

  it('hands on whether to rebuild in full, and shows which table it works on', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    env.mocks.answer({
      stageTable: async ({ table }) => {
        if (table === 'silver.flights') await held;
        return staged(table);
      },
    });
    const handle = await env.start('refreshFeatures', { ...INPUT, full: true });
    await until('the second table is staged', () => env.mocks.calls('stageTable').length === 2);
    expect(env.mocks.calls('planRefresh')).toEqual([{ pinned: PINNED, asOf: AS_OF, full: true }]);
    const { phase, details } = await status(handle);
    expect(phase).toBe('stage');
    expect(details).toContain('114000 new rows, 3000 rows of which more became known.');
    expect(details).toContain('| bronze.flights | 117000 rows staged |');
    expect(details).toContain('| silver.flights | working |');
    expect(details).toContain('| gold.route_history | waiting |');
    release();
    await handle.result();
  });

  it('hands its input on as it came, with the instant it stands at, and fails with the type of the fault', async () => {
    env.mocks.answer({
      acceptInput: async () => {
        throw new SuperstepError('InvalidInput', 'refreshFeatures cannot start: projekt: unknown');
      },
    });
    const input = { projekt: PROJECT, full: 'yes' };
    const handle = await env.start('refreshFeatures', input);
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'InvalidInput' } } });
    const { startTime } = await handle.describe();
    const [call] = env.mocks.calls('acceptInput');
    expect(call).toMatchObject({ workflow: 'refreshFeatures', input });
    // The server keeps nanoseconds, a Date milliseconds.
    expect(Math.abs(Date.parse(call?.now ?? '') - startTime.getTime())).toBeLessThan(1_000);
  });

  it('stands at the instant for which a schedule started it, however late it starts', async () => {
    env.mocks.answer();
    const due = new Date('2001-05-01T03:00:00.000Z');
    const schedule = await env.client.schedule.create({
      scheduleId: 'refresh/flights-delay',
      spec: { cronExpressions: ['0 3 * * *'] },
      action: {
        type: 'startWorkflow',
        workflowType: 'refreshFeatures',
        taskQueue: 'superstep',
        args: [{ project: PROJECT }],
      },
      state: { paused: true },
    });
    await schedule.backfill({ start: new Date(due.getTime() - 60_000), end: due, overlap: 'ALLOW_ALL' });
    await until('the schedule has started it', () => env.mocks.calls('adoptRefresh').length === 1);
    expect(env.mocks.calls('acceptInput')).toMatchObject([{ now: due.toISOString() }]);
    await schedule.delete();
  });

  it('retries weather and not the fault of the data', async () => {
    let tries = 0;
    env.mocks.answer({
      planRefresh: async () => {
        if (++tries === 1) throw new SuperstepError('LakeUnavailable', 'the catalog is locked');
        throw new SuperstepError('SchemaMismatch', 'column "origin" is gone');
      },
    });
    const handle = await env.start('refreshFeatures', INPUT);
    await expect(handle.result()).rejects.toMatchObject({
      cause: { cause: { type: 'SchemaMismatch', nonRetryable: true } },
    });
    expect(tries).toBe(2);
  });
});
