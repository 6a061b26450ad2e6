import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { PROJECT, VERSION } from './sample-values.ts';
import { startWorkflowEnv, status, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const FINDING = { kind: 'review' as const, finding: 'it was last reviewed in March', remedy: 'look at it' };

describe('recertifyModels', () => {
  it('holds each model in Production against today, and says what it found', async () => {
    env.mocks.answer({
      modelsInProduction: async ({ input }) => ({ models: [PROJECT, 'other', 'gone'], input: input as object }),
      recertifyModel: async ({ model }) =>
        model === 'gone' ? null : { model, version: VERSION, findings: model === 'other' ? [FINDING] : [] },
    });
    const handle = await env.start('recertifyModels', {});
    expect(await handle.result()).toEqual({
      outcome: 'findings',
      models: [
        { model: PROJECT, version: VERSION, findings: [] },
        { model: 'other', version: VERSION, findings: [FINDING] },
      ],
    });
    const { details } = await status(handle);
    expect(details).toContain('passes today');
    expect(details).toContain('it was last reviewed in March');
  });

  it('passes on who has looked, once for each model', async () => {
    const review = { by: 'governance', comment: 'monitors are quiet' };
    env.mocks.answer({ modelsInProduction: async () => ({ models: [PROJECT], input: { review } }) });
    const handle = await env.start('recertifyModels', { review });
    expect(await handle.result()).toMatchObject({ outcome: 'certified' });
    expect(env.mocks.calls('recertifyModel')).toMatchObject([{ model: PROJECT, review }]);
  });

  it('has nothing to say about an empty Production, and fails on a wrong input', async () => {
    env.mocks.answer({ modelsInProduction: async () => ({ models: [], input: {} }) });
    expect(await (await env.start('recertifyModels', {})).result()).toEqual({
      outcome: 'nothing-in-production',
      models: [],
    });
    env.mocks.answer({
      modelsInProduction: async () => {
        throw new SuperstepError('InvalidInput', 'recertifyModels cannot start: modell: unknown field');
      },
    });
    const handle = await env.start('recertifyModels', { modell: PROJECT });
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'InvalidInput' } } });
  });
});
