import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { RetrainingDecision } from '../../contracts/monitor-model.ts';
import { AS_OF, comparison, monitored, PINNED, PROJECT } from './sample-values.ts';
import { startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const INPUT = { project: PROJECT, asOf: AS_OF };
const WINDOW = { from: '2001-04-24T00:00:00.000Z', until: AS_OF };
const DEGRADED = monitored({ verdict: 'degraded', reasons: ['quality 0.70 is more than 0.01 below 0.738'] });

function retrain(id: string): () => Promise<RetrainingDecision> {
  return async () => ({ action: 'retrain', reasons: ['quality decides'], retraining: id });
}

describe('monitorModel', () => {
  it('measures the window and does nothing while all is well', async () => {
    env.mocks.answer();
    const handle = await env.start('monitorModel', INPUT);
    expect(await handle.result()).toEqual({
      outcome: 'healthy',
      action: 'none',
      reasons: ['quality 0.7310 is within 0.01 of the baseline', 'nothing to do'],
      window: monitored().summary,
      retraining: null,
    });
    expect(env.mocks.calls('monitorWindow')).toEqual([{ pinned: PINNED, ...WINDOW, asOf: AS_OF }]);
    expect(env.mocks.calls('decideRetraining')).toEqual([{ pinned: PINNED, monitored: monitored(), asOf: AS_OF }]);
    const { details } = await status(handle);
    expect(details).toContain('| **healthy** | 114000 | 98.0 % | 0.7310 (0.7250 to 0.7370) |');
    expect(details).toContain('**Action: none**');
    const { typedSearchAttributes } = await handle.describe();
    const attributes = Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    expect(attributes).toMatchObject({ MlDriftScore: 0.08, MlVersion: '6' });
  });

  it('alerts, and starts nothing', async () => {
    env.mocks.answer({
      monitorWindow: async () => monitored({ verdict: 'drifted', reasons: ['distance drifted'] }),
      decideRetraining: async () => ({ action: 'alert', reasons: ['drift alone alerts'], retraining: null }),
    });
    const handle = await env.start('monitorModel', INPUT);
    expect(await handle.result()).toMatchObject({ outcome: 'drifted', action: 'alert', retraining: null });
    expect((await status(handle)).details).toContain('- drift alone alerts');
  });

  it('says so when a window has no predictions at all', async () => {
    const { summary } = monitored();
    const empty = { ...summary, rows: 0, quality: null, baselineQuality: null, driftScore: null, version: null };
    env.mocks.answer({
      monitorWindow: async () => monitored({ verdict: 'insufficient-data', reasons: ['no rows'], summary: empty }),
    });
    const handle = await env.start('monitorModel', INPUT);
    expect(await handle.result()).toMatchObject({ outcome: 'insufficient-data', action: 'none', window: empty });
  });

  it('starts a superstep that outlives it, and finds it again when it runs a second time', async () => {
    const id = `train-to-deploy/${PROJECT}/monitor-2001-04-24-2001-05-01`;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    env.mocks.answer({
      monitorWindow: async () => DEGRADED,
      decideRetraining: retrain(id),
      compareModels: async () => held.then(() => comparison({ verdict: 'fail' })),
    });
    const first = await env.start('monitorModel', INPUT);
    const expected = { outcome: 'degraded', action: 'retrain', retraining: id };
    expect(await first.result()).toMatchObject(expected);
    expect((await status(first)).details).toContain(`Started \`${id}\``);
    await until('the superstep compares', () => env.mocks.calls('compareModels').length === 1);
    const superstep = env.client.workflow.getHandle(id);
    const running = await superstep.describe();
    expect(running.status.name).toBe('RUNNING');
    expect(running.parentExecution?.workflowId).toBe(first.workflowId);
    expect(await running.staticSummary()).toBe(
      `Retrain ${PROJECT}: quality fell between ${WINDOW.from} and ${WINDOW.until}`,
    );
    expect(env.mocks.calls('acceptInput').map(({ workflow, input }) => [workflow, input])[1]).toEqual([
      'trainToDeploy',
      { project: PROJECT, asOf: AS_OF, trigger: 'monitor' },
    ]);

    // Again while it runs, and again when it has ended: one window, one retraining.
    expect(await (await env.start('monitorModel', INPUT)).result()).toMatchObject(expected);
    release();
    expect(await superstep.result()).toMatchObject({ outcome: 'failed-comparison' });
    expect(await (await env.start('monitorModel', INPUT)).result()).toMatchObject(expected);
    expect((await superstep.describe()).runId).toBe(running.runId);
    expect(env.mocks.calls('compareModels')).toHaveLength(1);
  });
});
