import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { PromoteModelResult } from '../../contracts/promote-model.ts';
import { candidate, CHAMPION, comparison, evidenceDigest, gateResult, PROJECT, VERSION } from './sample-values.ts';
import { gateOpens, metadata, startWorkflowEnv, status, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const INPUT = { project: PROJECT, version: VERSION };
const EVIDENCE = evidenceDigest().slice(0, 12);
const ANSWER = { approver: 'governance', comment: 'looks right', evidence: EVIDENCE };

async function startAtGate(): Promise<WorkflowHandle> {
  const handle = await env.start('promoteModel', INPUT);
  await gateOpens(handle);
  return handle;
}

async function result(handle: WorkflowHandle): Promise<PromoteModelResult> {
  return (await handle.result()) as PromoteModelResult;
}

describe('promoteModel', () => {
  it('ends at compliance when that fails, before any comparison', async () => {
    env.mocks.answer({ checkCompliance: async () => gateResult('compliance', 'fail') });
    const handle = await env.start('promoteModel', INPUT);
    expect(await result(handle)).toEqual({
      outcome: 'failed-compliance',
      model: PROJECT,
      version: VERSION,
      previousVersion: null,
      gates: [gateResult('compliance', 'fail')],
      evidenceDigest: null,
      decisions: [],
      steps: [],
    });
    expect(env.mocks.order()).toEqual(['pinPromotion', 'checkCompliance']);
    expect(env.mocks.calls('pinPromotion')).toEqual([{ input: INPUT }]);
  });

  it('ends at the comparison when the candidate is no better; nobody is asked', async () => {
    env.mocks.answer({ compareModels: async () => comparison({ verdict: 'fail' }) });
    const handle = await env.start('promoteModel', INPUT);
    const { outcome, gates } = await result(handle);
    expect(outcome).toBe('failed-comparison');
    expect(gates.map(({ gate, verdict }) => `${gate} ${verdict}`)).toEqual(['compliance pass', 'comparison fail']);
    expect(env.mocks.order()).not.toContain('openApproval');
  });

  it('promotes on an approval by signal and says what each step did', async () => {
    env.mocks.answer();
    const handle = await startAtGate();
    await handle.signal('approve', ANSWER);
    const { outcome, previousVersion, gates, decisions, steps, evidenceDigest: digest } = await result(handle);
    expect({ outcome, previousVersion, digest }).toEqual({
      outcome: 'promoted',
      previousVersion: CHAMPION,
      digest: evidenceDigest(),
    });
    expect(gates.map(({ gate, verdict }) => `${gate} ${verdict}`)).toEqual([
      'compliance pass',
      'comparison pass',
      'approval pass',
    ]);
    expect(gates[2]?.checks[0]?.found).toBe('governance: approve');
    expect(decisions).toEqual([
      { approver: 'governance', comment: 'looks right', decision: 'approve', counted: true, via: 'signal' },
    ]);
    expect(steps.map(({ step, status: done }) => `${step} ${done}`)).toEqual([
      'archive-previous done',
      'close-request done',
      'enter-production done',
      'record-history done',
      'serve done',
    ]);
    expect(env.mocks.order()).toEqual([
      'pinPromotion',
      'checkCompliance',
      'compareModels',
      'recordComparison',
      'prepareEvidence',
      'openApproval',
      'recordDecision',
      'promoteModelVersion',
      'confirmServing',
    ]);
    const [promoted] = env.mocks.calls('promoteModelVersion');
    expect(promoted).toMatchObject({ champion: CHAMPION, evidenceDigest: evidenceDigest() });
    expect(promoted?.requestId).toBe(env.mocks.calls('recordDecision')[0]?.requestId);
  });

  it('asks a person when the comparison is inconclusive, and takes the whole digest in capitals too', async () => {
    env.mocks.answer({ compareModels: async () => comparison({ verdict: 'inconclusive', champion: null }) });
    const handle = await startAtGate();
    expect((await status(handle)).details).toContain('**inconclusive**');
    await handle.signal('approve', { ...ANSWER, evidence: evidenceDigest().toUpperCase() });
    const { outcome, previousVersion, steps } = await result(handle);
    expect({ outcome, previousVersion }).toEqual({ outcome: 'promoted', previousVersion: null });
    expect(steps[0]).toEqual({ step: 'archive-previous', status: 'skipped' });
  });

  it('is promoted even when the endpoint is down; its serving step says so', async () => {
    const down = { step: 'serve', status: 'failed', note: 'connection refused' } as const;
    env.mocks.answer({ confirmServing: async () => down });
    const handle = await startAtGate();
    await handle.signal('approve', ANSWER);
    const { outcome, steps } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(steps.at(-1)).toEqual(down);
  });

  it('archives the candidate on a rejection, in the words of whoever rejected it', async () => {
    env.mocks.answer();
    const handle = await startAtGate();
    await handle.signal('reject', { ...ANSWER, approver: 'ml-lead', comment: 'ATL is worse' });
    const { outcome, gates } = await result(handle);
    expect(outcome).toBe('rejected');
    expect(gates.at(-1)).toMatchObject({ gate: 'approval', verdict: 'fail', summary: 'rejected' });
    expect(env.mocks.calls('closeApproval')).toMatchObject([
      { outcome: 'rejected', by: 'ml-lead', comment: 'ATL is worse' },
    ]);
    expect(env.mocks.order()).not.toContain('promoteModelVersion');
  });

  it('expires when nobody decides in time', async () => {
    env.mocks.answer({ pinPromotion: async () => candidate({ expiresAfterMs: 300 }) });
    const handle = await env.start('promoteModel', INPUT);
    const { outcome, gates } = await result(handle);
    expect(outcome).toBe('expired');
    expect(gates.at(-1)?.checks[0]?.found).toBe('nobody');
    expect(env.mocks.calls('closeApproval')).toMatchObject([{ outcome: 'expired', by: 'superstep' }]);
  });

  it('is not kept open by messages that do not count', async () => {
    env.mocks.answer({ pinPromotion: async () => candidate({ expiresAfterMs: 1_000 }) });
    const handle = await env.start('promoteModel', INPUT);
    let ended = false;
    const outcome = result(handle).finally(() => (ended = true));
    while (!ended) {
      await handle.signal('approve', { ...ANSWER, approver: 'nobody' }).catch(() => undefined);
      await pause(200);
    }
    expect((await outcome).outcome).toBe('expired');
  });

  it('shows the waiting gate: evidence, commands, gate table; in the details and in the query alike', async () => {
    env.mocks.answer();
    const handle = await startAtGate();
    const { phase, asOf, details } = await status(handle);
    expect({ phase, asOf }).toEqual({ phase: 'approval', asOf: candidate().asOf });
    expect(details).toContain(`[Evidence page](http://127.0.0.1:8234/prod/flights-delay/7/${EVIDENCE})`);
    expect(details).toContain(`digest \`${EVIDENCE}\``);
    expect(details).toContain('Approve\n\n```\nnpm run temporal -- workflow update execute');
    expect(details).toContain('Reject\n\n```\nnpm run temporal -- workflow update execute');
    expect(details).toContain('| gate | verdict | expected | found |');
    expect(details).toContain('| **comparison** | **pass** |');
    expect((await metadata(handle)).currentDetails).toContain(details);
    const { typedSearchAttributes } = await handle.describe();
    const attributes = Object.fromEntries(
      typedSearchAttributes.getAll().map(({ key, value }) => [key.name, String(value)]),
    );
    expect(attributes).toMatchObject({ MlModel: PROJECT, MlVersion: '7', MlPhase: 'approval', MlGate: 'approval' });
    await handle.signal('reject', ANSWER);
    await handle.result();
    expect((await status(handle)).details).toContain('**rejected**');
  });

  it('fails, with the type of the fault, on input that names nothing', async () => {
    env.mocks.answer({
      pinPromotion: async () => {
        throw new SuperstepError('InvalidInput', 'promoteModel cannot start: version: expected int');
      },
    });
    const handle = await env.start('promoteModel', undefined);
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'InvalidInput' } } });
    expect(env.mocks.order()).toEqual(['pinPromotion']);
  });
});
