import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BegunAdoption } from '../../contracts/adopt-version.ts';
import { type FailureType, SuperstepError } from '../../contracts/failure-types.ts';
import type { PromoteModelResult } from '../../contracts/promote-model.ts';
import type { Activities } from './mock-activities.ts';
import {
  AS_OF,
  artifact,
  candidate,
  DATASET,
  EVALUATION,
  gateResult,
  PINNED,
  PROJECT,
  VERSION,
} from './sample-values.ts';
import { startWorkflowEnv, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const INPUT = { project: PROJECT, version: VERSION };
const ONNX = artifact('e');
const begun = (changes: Partial<BegunAdoption> = {}): BegunAdoption => ({
  candidate: candidate({ asOf: '2001-06-01T00:00:00.000Z', snapshot: 0 }),
  onnx: ONNX,
  columns: ['hour', 'distance'],
  ...changes,
});

/** A version without a lineage until its evaluation is recorded; compliance ends the story. */
function unknownVersion(changes: Partial<Activities> = {}): Partial<Activities> {
  let adopted = false;
  return {
    pinPromotion: async () => (adopted ? candidate() : { needsAdoption: true }),
    beginAdoption: async () => begun(),
    recordAdoption: async () => {
      adopted = true;
      return { runId: 'the evaluation' };
    },
    checkCompliance: async () => gateResult('compliance', 'fail'),
    ...changes,
  };
}

const run = async (): Promise<PromoteModelResult> =>
  (await (await env.start('promoteModel', INPUT)).result()) as PromoteModelResult;
const refused = (type: FailureType, message: string) => async () => {
  throw new SuperstepError(type, message);
};

describe('promoteModel for a version that a registry client brought', () => {
  it('evaluates it first, under the names of its signature, and goes on with what was pinned then', async () => {
    env.mocks.answer(unknownVersion());
    expect((await run()).outcome).toBe('failed-compliance');
    expect(env.mocks.order()).toEqual([
      'pinPromotion',
      'beginAdoption',
      'prepareTrainingData',
      'evaluateModel',
      'recordAdoption',
      'pinPromotion',
      'checkCompliance',
    ]);
    expect(env.mocks.calls('prepareTrainingData')).toEqual([{ pinned: PINNED }]);
    const trained = { onnx: ONNX, features: ['hour', 'distance'] };
    expect(env.mocks.calls('evaluateModel')).toEqual([{ pinned: PINNED, dataset: DATASET, trained }]);
    expect(env.mocks.calls('recordAdoption')).toMatchObject([{ dataset: DATASET, evaluation: EVALUATION }]);
    expect(env.mocks.calls('checkCompliance')).toMatchObject([{ candidate: candidate() }]);
  });

  it('names no inputs where the file does so itself', async () => {
    env.mocks.answer(unknownVersion({ beginAdoption: async () => begun({ columns: null }) }));
    await run();
    expect(env.mocks.calls('evaluateModel')[0]?.trained).toEqual({ onnx: ONNX });
  });

  it.each([
    ['no file', begun({ onnx: null, candidate: candidate({ unusable: 'it has no ONNX file here' }) })],
    ['a file that is no model', begun({ candidate: candidate({ unusable: 'found bytes that cannot be read' }) })],
  ])('brings one with %s to compliance at once, with the reason', async (_what, answer) => {
    env.mocks.answer(unknownVersion({ beginAdoption: async () => answer }));
    expect((await run()).outcome).toBe('failed-compliance');
    expect(env.mocks.order()).toEqual(['pinPromotion', 'beginAdoption', 'checkCompliance']);
    expect(env.mocks.calls('checkCompliance')).toMatchObject([{ candidate: answer.candidate }]);
  });

  it.each(['UnsupportedOperator', 'SchemaMismatch', 'ChildProcessKilled', 'OutOfMemory'] as const)(
    'brings one whose evaluation ends with %s to compliance, with the reason and what it was judged on',
    async (type) => {
      env.mocks.answer(unknownVersion({ evaluateModel: refused(type, 'column "hour" is missing') }));
      expect((await run()).outcome).toBe('failed-compliance');
      expect(env.mocks.order()).not.toContain('recordAdoption');
      expect(env.mocks.calls('checkCompliance')).toMatchObject([
        { candidate: { unusable: 'column "hour" is missing', asOf: AS_OF, snapshot: DATASET.snapshot } },
      ]);
    },
  );

  it('fails when the data is at fault, not the model', async () => {
    env.mocks.answer(unknownVersion({ prepareTrainingData: refused('LeakDetected', 'a view knew more') }));
    await expect(run()).rejects.toMatchObject({ cause: { cause: { type: 'LeakDetected' } } });
    expect(env.mocks.order()).not.toContain('checkCompliance');
  });

  it('fails rather than turns in a circle when the evaluation leaves no lineage', async () => {
    env.mocks.answer(unknownVersion({ recordAdoption: async () => ({ runId: 'lost' }) }));
    await expect(run()).rejects.toMatchObject({ cause: { type: 'UnknownModel' } });
    expect(env.mocks.order().filter((name) => name === 'beginAdoption')).toHaveLength(1);
  });
});
