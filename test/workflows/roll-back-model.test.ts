import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RolledBackVersion } from '../../contracts/roll-back-model.ts';
import { CHAMPION, comparison, PROJECT, VERSION } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const INPUT = { model: PROJECT, reason: 'late flights are missed', requestedBy: 'ml-lead' };
const BACK: RolledBackVersion = {
  outcome: 'rolled-back',
  model: PROJECT,
  from: VERSION,
  to: CHAMPION,
  waitingGates: [],
};

describe('rollBackModel', () => {
  it('puts the previous Production back; its input is judged by the activity', async () => {
    env.mocks.answer();
    const handle = await env.start('rollBackModel', INPUT);
    expect(await handle.result()).toEqual({ outcome: 'rolled-back', model: PROJECT, from: VERSION, to: CHAMPION });
    const { workflowId, firstExecutionRunId: runId } = handle as typeof handle & { firstExecutionRunId: string };
    expect(env.mocks.calls('rollBackVersion')).toEqual([{ input: INPUT, workflowId, runId }]);
    expect((await status(handle)).details).toContain('Version **6** is in Production again; version 7 is archived.');
  });

  it('says so when there is nothing to go back to', async () => {
    const outcome = 'nothing-to-roll-back-to';
    env.mocks.answer({ rollBackVersion: async () => ({ ...BACK, outcome, from: null, to: null }) });
    const handle = await env.start('rollBackModel', INPUT);
    expect(await handle.result()).toEqual({ outcome, model: PROJECT, from: null, to: null });
    expect((await status(handle)).details).toContain('nothing changed');
  });

  it('wakes the gates that compared with the version it took away, and none that have ended', async () => {
    let champion = VERSION;
    env.mocks.answer({
      compareModels: async () => comparison({ champion }),
      approvalStanding: async () => ({ request: 'open', champion }),
      rollBackVersion: async () => ({ ...BACK, waitingGates: ['promote-model/gone/1', gate.workflowId] }),
    });
    const gate = await env.start('promoteModel', { project: PROJECT, version: 8 });
    await gateOpens(gate);
    champion = CHAMPION;
    await (await env.start('rollBackModel', INPUT)).result();
    await until('it compares again', () => env.mocks.calls('compareModels').length === 2);
    await gateOpens(gate);
    await gate.terminate();
  });

  it('fails with the type of the fault when the role may not', async () => {
    env.mocks.answer({
      rollBackVersion: async () => {
        throw new SuperstepError('NotAuthorized', '"intern" may not roll back flights-delay');
      },
    });
    const handle = await env.start('rollBackModel', { ...INPUT, requestedBy: 'intern' });
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'NotAuthorized' } } });
  });
});
