import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { AS_OF, DATASET, EVALUATION, PINNED, PROJECT, TRAINED, VERSION } from './sample-values.ts';
import { startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const INPUT = { project: PROJECT, asOf: AS_OF };

describe('trainModel', () => {
  it('trains, checks, registers, and asks for Staging', async () => {
    env.mocks.answer();
    const handle = await env.start('trainModel', INPUT, `train-model/${PROJECT}/2001-05-01`);
    expect(await handle.result()).toEqual({
      outcome: 'registered',
      model: PROJECT,
      version: VERSION,
      runId: '5b0c2f6e9a3d41c8',
      snapshot: 42,
      onnx: TRAINED.onnx,
      metrics: { auc: 0.744 },
    });
    expect(env.mocks.order()).toEqual([
      'acceptInput',
      'prepareTrainingData',
      'trainModel',
      'checkParity',
      'evaluateModel',
      'logTrainingRun',
      'registerModelVersion',
      'requestStaging',
    ]);
    const facts = {
      pinned: PINNED,
      workflowId: handle.workflowId,
      asOf: AS_OF,
      trigger: 'manual',
      dataset: DATASET,
      trained: TRAINED,
      parity: { rows: 5_000, maxDifference: 1.8e-7, tolerance: 1e-5 },
      evaluation: EVALUATION,
    };
    expect(env.mocks.calls('logTrainingRun')).toEqual([facts]);
    expect(env.mocks.calls('registerModelVersion')).toEqual([{ ...facts, runId: '5b0c2f6e9a3d41c8' }]);
    expect(env.mocks.calls('requestStaging')).toEqual([
      { model: PROJECT, version: VERSION, workflowId: handle.workflowId },
    ]);
    const { phase, details } = await status(handle);
    expect(phase).toBe('done');
    expect(details).toContain('Registered **flights-delay version 7**');
    expect(details).toContain('| 2000000 | 17.0 % |');
    expect(details).toContain('| 2 | {"num_leaves":63} | 0.7360 |');
    expect(details).toContain('Held-out AUC **0.7440** (0.7380 to 0.7500), log-loss 0.3940.');
  });

  it('trains on the snapshot that it was asked to, and says who asked', async () => {
    env.mocks.answer();
    const handle = await env.start('trainModel', { ...INPUT, snapshot: 17, trigger: 'release' });
    await handle.result();
    expect(env.mocks.calls('prepareTrainingData')).toEqual([{ pinned: PINNED, asOf: AS_OF, snapshot: 17 }]);
    expect(env.mocks.calls('logTrainingRun')).toMatchObject([{ trigger: 'release' }]);
    const { typedSearchAttributes } = await handle.describe();
    const attributes = Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    expect(attributes).toMatchObject({
      MlModel: PROJECT,
      MlEnvironment: 'default',
      MlVersion: '7',
      MlTrigger: 'release',
      MlPhase: 'done',
    });
  });

  it('registers nothing when the artifact does not score as the trainer does', async () => {
    env.mocks.answer({
      checkParity: async () => {
        throw new SuperstepError('ParityFailed', 'largest difference 0.02 over 5000 rows');
      },
    });
    const handle = await env.start('trainModel', INPUT);
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'ParityFailed' } } });
    expect(env.mocks.order()).not.toContain('logTrainingRun');
  });

  it('registers nothing when it is cancelled while it trains', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    env.mocks.answer({ trainModel: async () => held.then(() => TRAINED) });
    const handle = await env.start('trainModel', INPUT);
    await until('it trains', () => env.mocks.calls('trainModel').length === 1);
    await handle.cancel();
    release();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(env.mocks.order()).not.toContain('registerModelVersion');
  });
});
