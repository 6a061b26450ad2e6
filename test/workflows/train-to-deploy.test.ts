import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { TrainToDeployResult } from '../../contracts/train-to-deploy.ts';
import { AS_OF, comparison, evidenceDigest, PLAN, PROJECT, staged, TRAINED, VERSION } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const INPUT = { project: PROJECT, asOf: AS_OF };
const PROMOTION = `promote-model/${PROJECT}/${VERSION}`;
let runs = 0;

function start(input: unknown = INPUT): Promise<WorkflowHandle> {
  return env.start('trainToDeploy', input, `train-to-deploy/${PROJECT}/${++runs}`);
}

async function result(handle: WorkflowHandle): Promise<TrainToDeployResult> {
  return (await handle.result()) as TrainToDeployResult;
}

async function promotionWaits(): Promise<WorkflowHandle> {
  await until('the gate opens', () => env.mocks.calls('openApproval').length === 1);
  const promotion = env.client.workflow.getHandle(PROMOTION);
  await gateOpens(promotion);
  return promotion;
}

describe('trainToDeploy', () => {
  it('refreshes, trains and promotes as children with ids that can be foretold', async () => {
    env.mocks.answer();
    const handle = await start({ ...INPUT, trigger: 'schedule' });
    const promotion = await promotionWaits();
    const { phase, details } = await status(handle);
    expect(phase).toBe('promote');
    expect(details).toContain(`| refresh features | refreshed, snapshot 42 | ${handle.workflowId}/refresh |`);
    expect(details).toContain(`| train | version 7 | ${handle.workflowId}/train |`);
    expect(details).toContain(`| promote |  | ${PROMOTION} |`);
    await promotion.signal('approve', { approver: 'governance', comment: 'ok', evidence: evidenceDigest() });
    expect(await result(handle)).toMatchObject({
      outcome: 'promoted',
      refresh: { outcome: 'refreshed', snapshot: 42 },
      training: { outcome: 'registered', version: VERSION },
      promotion: { outcome: 'promoted' },
    });
    // The lease ends with the opening of the gate (the registry does it), and again at the end.
    expect(env.mocks.calls('openApproval')).toMatchObject([{ superstep: handle.workflowId }]);
    expect(env.mocks.calls('releaseRetrainingLease')).toEqual([{ model: PROJECT, holder: handle.workflowId }]);
    expect(env.mocks.calls('acceptInput').map(({ workflow, input }) => [workflow, input])).toEqual([
      ['trainToDeploy', { ...INPUT, trigger: 'schedule' }],
      ['refreshFeatures', INPUT],
      ['trainModel', { ...INPUT, trigger: 'schedule' }],
    ]);
    expect(env.mocks.calls('pinPromotion')).toEqual([{ input: { project: PROJECT, version: VERSION } }]);
    const child = await env.client.workflow.getHandle(`${handle.workflowId}/train`).describe();
    expect(child.type).toBe('trainModel');
    expect(await child.staticSummary()).toBe(`Train ${PROJECT} as of ${AS_OF}`);
  });

  it('skips the refresh when told to', async () => {
    env.mocks.answer({ compareModels: async () => comparison({ verdict: 'fail' }) });
    const handle = await start({ ...INPUT, refresh: false });
    expect(await result(handle)).toMatchObject({ outcome: 'failed-comparison', refresh: null });
    expect(env.mocks.order()).not.toContain('planRefresh');
  });

  it('trains on what is there when nothing new became known', async () => {
    env.mocks.answer({
      planRefresh: async () => ({ ...PLAN, outcome: 'no-new-data' }),
      compareModels: async () => comparison({ verdict: 'fail' }),
    });
    expect(await result(await start())).toMatchObject({
      outcome: 'failed-comparison',
      refresh: { outcome: 'no-new-data' },
      training: { version: VERSION },
    });
  });

  it('ends with the expectation that stopped its refresh; nothing is trained, the lease is let go', async () => {
    env.mocks.answer({ stageTable: async ({ table }) => staged(table, { stopped: 'has_origin' }) });
    const handle = await start();
    expect(await result(handle)).toMatchObject({
      outcome: 'stopped-by-expectation',
      refresh: { stoppedBy: 'bronze.flights.has_origin' },
      training: null,
      promotion: null,
    });
    expect(env.mocks.order()).not.toContain('trainModel');
    expect(env.mocks.calls('releaseRetrainingLease')).toHaveLength(1);
  });

  it('lets its lease go when a step fails', async () => {
    env.mocks.answer({
      trainModel: async () => {
        throw new SuperstepError('TrainingDiverged', 'the loss is not a number');
      },
    });
    const handle = await start();
    await expect(handle.result()).rejects.toMatchObject({
      cause: { cause: { cause: { type: 'TrainingDiverged' } } },
    });
    expect(env.mocks.calls('releaseRetrainingLease')).toEqual([{ model: PROJECT, holder: handle.workflowId }]);
  });

  it('lets its lease go when its input is refused', async () => {
    const refuse = async (): Promise<never> => {
      throw new SuperstepError('DirtyProject', 'flights-delay has changes that are not committed');
    };
    env.mocks.answer({ acceptInput: refuse });
    const handle = await start();
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'DirtyProject' } } });
    expect(env.mocks.calls('releaseRetrainingLease')).toEqual([{ model: PROJECT, holder: handle.workflowId }]);

    for (const input of [null, 7, { project: 7 }]) {
      env.mocks.answer({ acceptInput: refuse });
      const nameless = await start(input);
      await expect(nameless.result()).rejects.toMatchObject({ cause: { cause: { type: 'DirtyProject' } } });
      expect(env.mocks.calls('releaseRetrainingLease')).toEqual([]);
    }
  });

  it('lets its lease go when it is cancelled, and its child is cancelled with it', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    env.mocks.answer({ trainModel: async () => held.then(() => TRAINED) });
    const handle = await start();
    await until('it trains', () => env.mocks.calls('trainModel').length === 1);
    await handle.cancel();
    release();
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' });
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(env.mocks.calls('releaseRetrainingLease')).toHaveLength(1);
    expect(env.mocks.order()).not.toContain('registerModelVersion');
    const child = env.client.workflow.getHandle(`${handle.workflowId}/train`);
    expect((await child.describe()).status.name).toBe('CANCELLED');
  });

  it('withdraws the request of its promotion when it is cancelled at the gate', async () => {
    env.mocks.answer();
    const handle = await start();
    const promotion = await promotionWaits();
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' });
    expect((await promotion.describe()).status.name).toBe('CANCELLED');
    expect(env.mocks.calls('closeApproval')).toMatchObject([{ outcome: 'cancelled' }]);
    expect(env.mocks.calls('releaseRetrainingLease')).toHaveLength(1);
  });
});
