import { CancelledFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { ApprovalStanding, PromoteModelResult } from '../../contracts/promote-model.ts';
import type { Activities } from './mock-activities.ts';
import { candidate, CHAMPION, comparison, evidenceDigest, PROJECT, VERSION } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const ANSWER = { approver: 'governance', comment: 'looks right', evidence: evidenceDigest(1) };
const QUORUM = { approvers: ['governance', 'ml-lead'], quorum: 2, evidenceRequired: true };

async function startAtGate(changes: Partial<Activities> = {}): Promise<WorkflowHandle> {
  env.mocks.answer(changes);
  const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
  await gateOpens(handle);
  return handle;
}

async function result(handle: WorkflowHandle): Promise<PromoteModelResult> {
  return (await handle.result()) as PromoteModelResult;
}

async function cancellation(handle: WorkflowHandle): Promise<unknown> {
  const error: unknown = await handle.result().catch((e: unknown) => e);
  return (error as Error).cause;
}

/** A registry in which version 8 takes Production when the test says so. */
function movingChampion() {
  let champion = CHAMPION;
  return {
    moves: () => void champion++,
    activities: {
      compareModels: async () => comparison({ champion }),
      approvalStanding: async (): Promise<ApprovalStanding> => ({ request: 'open', champion }),
      prepareEvidence: async () => ({
        digest: evidenceDigest(champion - CHAMPION + 1),
        document: { uri: 'artifact:sha256/0', sha256: '0', bytes: 1 },
        page: { uri: 'artifact:sha256/0', sha256: '0', bytes: 1 },
        url: 'http://127.0.0.1:8234/evidence',
        commands: [],
      }),
    } satisfies Partial<Activities>,
  };
}

describe('a gate whose ground moves', () => {
  it('ends as superseded when a newer candidate was there first', async () => {
    env.mocks.answer({ openApproval: async () => ({ outcome: 'superseded' }) });
    const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    expect((await result(handle)).outcome).toBe('superseded');
    expect(env.mocks.order()).not.toContain('closeApproval');
  });

  it('compares again when the champion changed before the gate could open', async () => {
    let openings = 0;
    env.mocks.answer({
      openApproval: async () =>
        ++openings === 1
          ? { outcome: 'champion-changed', champion: CHAMPION + 1 }
          : { outcome: 'open', requestId: 'request-7', superseded: [] },
    });
    const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    await gateOpens(handle);
    expect(env.mocks.calls('compareModels')).toHaveLength(2);
    await handle.terminate();
  });

  it('judges anew by another policy when that changed before the gate could open', async () => {
    const approval = { ...candidate().approval, quorum: 2 };
    let pinned = 0;
    env.mocks.answer({
      pinPromotion: async () => (++pinned === 1 ? candidate() : candidate({ approval })),
      openApproval: async ({ candidate: judged }) =>
        judged.approval.quorum === 2
          ? { outcome: 'open', requestId: 'request-7', superseded: [] }
          : { outcome: 'rules-changed' },
    });
    const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    await gateOpens(handle);
    const judgedBy = env.mocks.calls('checkCompliance').map(({ candidate: judged }) => judged.approval.quorum);
    expect(judgedBy).toEqual([1, 2]);
    expect(env.mocks.calls('compareModels')).toHaveLength(2);
    expect(
      await handle.executeUpdate('decide', { args: [{ ...ANSWER, evidence: evidenceDigest(2), decision: 'approve' }] }),
    ).toMatchObject({
      missing: 1,
    });
    await handle.terminate();
  });

  it('ends as superseded when another hand closed the request before a rejection could', async () => {
    const handle = await startAtGate({ closeApproval: async () => ({ status: 'superseded' }) });
    await handle.signal('reject', ANSWER);
    expect((await result(handle)).outcome).toBe('superseded');
  });

  it('wakes the gates that it supersedes, also when one of them has ended', async () => {
    const older = await startAtGate({ approvalStanding: async () => ({ request: 'superseded', champion: CHAMPION }) });
    env.mocks.answer({
      approvalStanding: async () => ({ request: 'superseded', champion: CHAMPION }),
      openApproval: async () => ({
        outcome: 'open',
        requestId: 'request-8',
        superseded: [
          { version: 5, workflowId: 'promote-model/flights-delay/5' },
          { version: 6, workflowId: null },
          { version: VERSION, workflowId: older.workflowId },
        ],
      }),
    });
    const newer = await env.start('promoteModel', { project: PROJECT, version: VERSION + 1 });
    const { outcome, gates } = await result(older);
    expect(outcome).toBe('superseded');
    expect(gates.at(-1)).toMatchObject({ gate: 'approval', verdict: 'fail', summary: 'superseded' });
    // The registry closed the request in the transaction that opened the newer one.
    expect(env.mocks.order()).not.toContain('closeApproval');
    await gateOpens(newer);
    await newer.terminate();
  });

  it('ends when its request was closed by another hand: a rollback put this very version into Production', async () => {
    const handle = await startAtGate({ approvalStanding: async () => ({ request: 'closed', champion: VERSION }) });
    await handle.signal('groundMoved');
    expect((await result(handle)).outcome).toBe('superseded');
    expect(env.mocks.calls('compareModels')).toHaveLength(1);
  });

  it('goes on waiting when nothing has changed', async () => {
    const handle = await startAtGate();
    await handle.signal('groundMoved');
    await until('the registry was asked', () => env.mocks.calls('approvalStanding').length === 1);
    await handle.signal('approve', ANSWER);
    expect((await result(handle)).outcome).toBe('promoted');
  });

  it('compares again when the champion changed; earlier decisions lapse, and the old evidence counts no more', async () => {
    const champion = movingChampion();
    const pinPromotion = async () => candidate({ approval: QUORUM });
    const handle = await startAtGate({ ...champion.activities, pinPromotion });
    await handle.signal('approve', ANSWER);
    await until('the first approval is recorded', () => env.mocks.calls('recordDecision').length === 1);
    champion.moves();
    await handle.signal('groundMoved');
    await gateOpens(handle, evidenceDigest(2));
    await handle.signal('approve', { ...ANSWER, approver: 'ml-lead' });
    for (const approver of ['governance', 'ml-lead'])
      await handle.signal('approve', { ...ANSWER, approver, evidence: evidenceDigest(2) });
    const { outcome, previousVersion, decisions, gates, evidenceDigest: digest } = await result(handle);
    expect({ outcome, previousVersion, digest }).toEqual({
      outcome: 'promoted',
      previousVersion: CHAMPION + 1,
      digest: evidenceDigest(2),
    });
    expect(decisions.map(({ counted }) => counted)).toEqual([true, false, true, true]);
    expect(gates.map(({ gate }) => gate)).toEqual(['compliance', 'comparison', 'approval']);
    expect(env.mocks.calls('openApproval').map((call) => call.champion)).toEqual([CHAMPION, CHAMPION + 1]);
  });

  it('compares again when the champion changed just before the promotion', async () => {
    const champion = movingChampion();
    let tries = 0;
    const handle = await startAtGate({
      ...champion.activities,
      promoteModelVersion: async ({ champion: expected }) => {
        if (++tries > 1) return { outcome: 'promoted', previous: expected, steps: [] };
        champion.moves();
        return { outcome: 'champion-changed', champion: CHAMPION + 1 };
      },
    });
    await handle.signal('approve', ANSWER);
    await gateOpens(handle, evidenceDigest(2));
    await handle.signal('approve', { ...ANSWER, evidence: evidenceDigest(2) });
    expect((await result(handle)).previousVersion).toBe(CHAMPION + 1);
  });

  it('lets no message count that came while it compared again, where the policy asks for no evidence', async () => {
    const champion = movingChampion();
    let compared = 0;
    const late = { approver: 'governance', comment: 'about the old evidence' };
    const handle: WorkflowHandle = await startAtGate({
      ...champion.activities,
      pinPromotion: async () =>
        candidate({ approval: { approvers: ['governance'], quorum: 1, evidenceRequired: false } }),
      compareModels: async () => {
        if (++compared === 2) await handle.signal('approve', late);
        return champion.activities.compareModels();
      },
    });
    champion.moves();
    await handle.signal('groundMoved');
    await gateOpens(handle, evidenceDigest(2));
    await until('the message is recorded', () => env.mocks.calls('recordDecision').length === 1);
    expect(env.mocks.calls('recordDecision')).toMatchObject([{ counted: false }]);
    expect(env.mocks.order()).not.toContain('promoteModelVersion');
    await handle.signal('approve', late);
    expect((await result(handle)).outcome).toBe('promoted');
  });

  it('ends at the comparison when the candidate is no better than the new champion', async () => {
    const champion = movingChampion();
    let compared = 0;
    const handle = await startAtGate({
      ...champion.activities,
      compareModels: async () => comparison({ verdict: ++compared === 1 ? 'pass' : 'fail' }),
    });
    champion.moves();
    await handle.signal('groundMoved');
    const { outcome, gates } = await result(handle);
    expect(outcome).toBe('failed-comparison');
    expect(gates.map(({ gate }) => gate)).toEqual(['compliance', 'comparison']);
  });

  it('ends as superseded when that is what the promotion finds', async () => {
    const handle = await startAtGate({ promoteModelVersion: async () => ({ outcome: 'superseded' }) });
    await handle.signal('approve', ANSWER);
    const { outcome, previousVersion, steps } = await result(handle);
    expect({ outcome, previousVersion, steps }).toEqual({ outcome: 'superseded', previousVersion: null, steps: [] });
    expect(env.mocks.order()).not.toContain('confirmServing');
  });
});

describe('a run that ends before its promotion leaves no request behind', () => {
  it('when it is cancelled while it waits', async () => {
    const handle = await startAtGate();
    await handle.cancel();
    expect(await cancellation(handle)).toBeInstanceOf(CancelledFailure);
    expect(env.mocks.calls('closeApproval')).toMatchObject([
      { requestId: 'request-1f9c', outcome: 'cancelled', by: 'superstep' },
    ]);
  });

  it('when it is cancelled while the request is being opened', async () => {
    const older = await startAtGate();
    env.mocks.answer({
      openApproval: async () => {
        await handle.cancel();
        return {
          outcome: 'open',
          requestId: 'request-late',
          superseded: [{ version: 6, workflowId: older.workflowId }],
        };
      },
      approvalStanding: async () => ({ request: 'superseded', champion: CHAMPION }),
    });
    const handle: WorkflowHandle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    expect(await cancellation(handle)).toBeInstanceOf(CancelledFailure);
    expect(env.mocks.calls('closeApproval')).toMatchObject([{ requestId: 'request-late', outcome: 'cancelled' }]);
    // The gate that it had closed is woken none the less.
    expect((await result(older)).outcome).toBe('superseded');
  });

  it('when it is cancelled while it compares again', async () => {
    const champion = movingChampion();
    let compared = 0;
    const handle: WorkflowHandle = await startAtGate({
      ...champion.activities,
      compareModels: async () => {
        if (++compared === 2) await handle.cancel();
        return champion.activities.compareModels();
      },
    });
    champion.moves();
    await handle.signal('groundMoved');
    expect(await cancellation(handle)).toBeInstanceOf(CancelledFailure);
    expect(env.mocks.calls('closeApproval')).toMatchObject([{ outcome: 'cancelled' }]);
  });

  it('when it fails', async () => {
    const handle = await startAtGate({
      approvalStanding: async () => {
        throw new SuperstepError('ChecksumMismatch', 'the registry is damaged');
      },
    });
    await handle.signal('groundMoved');
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'ChecksumMismatch' } } });
    expect(env.mocks.calls('closeApproval')).toMatchObject([{ outcome: 'cancelled' }]);
  });

  it('but withdraws nothing when it is cancelled before the request, or after the promotion', async () => {
    env.mocks.answer({
      checkCompliance: async () => {
        await early.cancel();
        return { gate: 'compliance', verdict: 'pass', checks: [], summary: '' };
      },
    });
    const early: WorkflowHandle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    expect(await cancellation(early)).toBeInstanceOf(CancelledFailure);
    expect(env.mocks.order()).not.toContain('closeApproval');

    const late: WorkflowHandle = await startAtGate({
      confirmServing: async () => {
        await late.cancel();
        return { step: 'serve', status: 'done' };
      },
    });
    await late.signal('approve', ANSWER);
    await late.result().catch(() => undefined);
    expect(env.mocks.order()).toContain('promoteModelVersion');
    expect(env.mocks.order()).not.toContain('closeApproval');
  });
});
