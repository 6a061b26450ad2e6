import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Freeze } from '../../contracts/freeze.ts';
import { FOLLOWING_STEPS, type PinnedPromotion, type PromoteModelResult } from '../../contracts/promote-model.ts';
import type { Activities } from './mock-activities.ts';
import { candidate, CHAMPION, evidenceDigest, PROJECT, VERSION } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const ANSWER = { approver: 'governance', comment: 'looks right', evidence: evidenceDigest() };
const POLICY = candidate().approval;

async function startAtGate(
  changes: Partial<Activities> = {},
  pinned: Partial<PinnedPromotion> = {},
): Promise<WorkflowHandle> {
  env.mocks.answer({ pinPromotion: async () => candidate(pinned), ...changes });
  const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
  await gateOpens(handle);
  return handle;
}

async function result(handle: WorkflowHandle): Promise<PromoteModelResult> {
  return (await handle.result()) as PromoteModelResult;
}

const told = () => env.mocks.calls('tellGate').map(({ event }) => event);

describe('a gate that waits', () => {
  it('reminds of a period that has passed, and expires, both by the registry’s opening', async () => {
    const now = Date.now();
    const [openedAt, until] = [now - 60_000, now + 1_000].map((at) => new Date(at).toISOString());
    if (openedAt === undefined || until === undefined) throw new Error('two instants');
    env.mocks.answer({
      pinPromotion: async () => candidate({ approval: { ...POLICY, remindEveryMs: 50_000 } }),
      openApproval: async () => ({ outcome: 'open', requestId: 'request-1', superseded: [], openedAt, until }),
    });
    const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    expect((await result(handle)).outcome).toBe('expired');
    expect(env.mocks.calls('tellGate')).toMatchObject([
      {
        ...{ requestId: 'request-1', openedAt, until, missing: 1, escalated: false },
        event: { what: 'remind', number: 1 },
        evidence: { digest: evidenceDigest() },
      },
    ]);
  });

  const late = { ...ANSWER, decision: 'approve', approver: 'head-of-risk' };
  const escalate = (afterMs: number) => ({ approval: { ...POLICY, escalate: { afterMs, to: ['head-of-risk'] } } });

  it('does not let a second role decide before it has waited long enough', async () => {
    const handle = await startAtGate({}, escalate(3_600_000));
    await expect(handle.executeUpdate('decide', { args: [late] })).rejects.toMatchObject({
      cause: { type: 'NotAuthorized' },
    });
    await handle.cancel();
    expect(told()).toEqual([]);
  });

  it('lets a second role decide once it has', async () => {
    const handle = await startAtGate({}, escalate(100));
    await until('the gate asks the second role', async () =>
      (await status(handle)).details.includes('head-of-risk may'),
    );
    expect(told()).toEqual([{ what: 'escalate' }]);
    expect(await handle.executeUpdate('decide', { args: [late] })).toMatchObject({ outcome: 'approved' });
    const { outcome, gates } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(gates.at(-1)?.checks[0]?.found).toBe('head-of-risk: approve');
  });

  it('lets the second role fill any one place of a quorum by role', async () => {
    const approval = {
      ...POLICY,
      quorum: { governance: 1, 'ml-lead': 1 },
      escalate: { afterMs: 100, to: ['head-of-risk'] },
    };
    const handle = await startAtGate({}, { approval });
    await until('the gate asks the second role', async () =>
      (await status(handle)).details.includes('head-of-risk may'),
    );
    const decide = (approver: string) =>
      handle.executeUpdate('decide', { args: [{ ...ANSWER, decision: 'approve', approver }] });
    expect(await decide('head-of-risk')).toMatchObject({ counted: true, missing: 1 });
    expect(await decide('governance')).toMatchObject({ counted: true, missing: 0 });
    expect((await result(handle)).outcome).toBe('promoted');
  });

  it('looks at the registry when a reminder finds the request closed, though no signal came', async () => {
    const handle = await startAtGate(
      {
        tellGate: async () => ({ open: false, keys: [] }),
        approvalStanding: async () => ({ request: 'superseded', champion: CHAMPION }),
      },
      { approval: { ...POLICY, remindEveryMs: 500 } },
    );
    expect((await result(handle)).outcome).toBe('superseded');
  });
});

/** A registry in which a freeze begins with the first promotion, and holds until the test, or the clock, ends it. */
function frozenRegistry(forMs: number) {
  let lifted = false;
  let freeze: Freeze | undefined;
  const promoteModelVersion: Activities['promoteModelVersion'] = async ({ champion }) => {
    freeze ??= { until: new Date(Date.now() + forMs).toISOString(), reasons: ['nobody is on call'] };
    if (!lifted && Date.now() < Date.parse(freeze.until)) return { outcome: 'frozen', freeze };
    return { outcome: 'promoted', previous: champion, steps: [] };
  };
  return { lift: () => void (lifted = true), promoteModelVersion };
}

async function frozen(handle: WorkflowHandle): Promise<void> {
  await until('it waits for the end of the freeze', async () => (await status(handle)).waitsFor?.freeze !== undefined);
}

describe('an approved version in a freeze', () => {
  it('says until when and why, looks at its ground again, and is promoted', async () => {
    const { promoteModelVersion } = frozenRegistry(4_000);
    const handle = await startAtGate({ promoteModelVersion });
    await handle.signal('approve', ANSWER);
    await frozen(handle);
    const { details, waitsFor } = await status(handle);
    expect(details).toContain(`promoted when the freeze ends, ${waitsFor?.freeze?.until}: nobody is on call`);
    expect((await result(handle)).outcome).toBe('promoted');
    const order = env.mocks.order();
    expect(order.lastIndexOf('approvalStanding')).toBeGreaterThan(order.indexOf('promoteModelVersion'));
    expect(order.lastIndexOf('promoteModelVersion')).toBeGreaterThan(order.lastIndexOf('approvalStanding'));
  });

  it('does not expire, and reminds nobody', async () => {
    const { promoteModelVersion, lift } = frozenRegistry(3_600_000);
    const pinned = { approval: { ...POLICY, remindEveryMs: 9_000 }, expiresAfterMs: 10_000 };
    const handle = await startAtGate({ promoteModelVersion }, pinned);
    const opened = Date.now();
    await handle.signal('approve', ANSWER);
    await frozen(handle);
    const reminders = told().length;
    await until('its time has passed', () => Date.now() > opened + 10_500);
    expect((await status(handle)).waitsFor?.freeze).toBeDefined();
    expect(told()).toHaveLength(reminders);
    lift();
    await handle.signal('groundMoved');
    expect((await result(handle)).outcome).toBe('promoted');
  });

  it('is rejected by another approver all the same', async () => {
    const handle = await startAtGate({ promoteModelVersion: frozenRegistry(3_600_000).promoteModelVersion });
    await handle.signal('approve', ANSWER);
    await frozen(handle);
    await handle.signal('reject', { ...ANSWER, approver: 'ml-lead', comment: 'an incident' });
    expect((await result(handle)).outcome).toBe('rejected');
  });

  it('waits for other approvals, with its time left, when the one that it had lapses', async () => {
    const { promoteModelVersion } = frozenRegistry(3_600_000);
    const handle = await startAtGate({
      promoteModelVersion,
      approvalStanding: async () => ({ request: 'open', champion: CHAMPION, keys: [], left: ['governance'] }),
    });
    const before = (await status(handle)).waitsFor?.until ?? '';
    await handle.signal('approve', ANSWER);
    await frozen(handle);
    await handle.signal('groundMoved');
    await until('the approval has lapsed', async () => (await status(handle)).details.includes('counts no longer'));
    const { waitsFor } = await status(handle);
    expect(waitsFor?.freeze).toBeUndefined();
    expect(Date.parse(waitsFor?.until ?? '')).toBeGreaterThan(Date.parse(before));
    await handle.signal('reject', { ...ANSWER, approver: 'ml-lead' });
    expect((await result(handle)).outcome).toBe('rejected');
  });

  it('compares again when the champion changed meanwhile', async () => {
    let champion = CHAMPION;
    const handle = await startAtGate({
      promoteModelVersion: frozenRegistry(3_600_000).promoteModelVersion,
      approvalStanding: async () => ({ request: 'open', champion }),
    });
    await handle.signal('approve', ANSWER);
    await frozen(handle);
    champion++;
    await handle.signal('groundMoved');
    await until('it compares again', () => env.mocks.calls('compareModels').length === 2);
    await handle.cancel();
  });
});

describe('what follows the registry’s transaction', () => {
  const following = FOLLOWING_STEPS;
  const statuses = ({ steps }: PromoteModelResult) => steps.map(({ step, status: done }) => `${step} ${done}`);
  const broken = (message: string) => async (): Promise<never> => {
    throw new SuperstepError('UnsupportedOperator', message);
  };

  it('goes through every step in order, and tells whose yes it was', async () => {
    const handle = await startAtGate({}, { following });
    await handle.signal('approve', ANSWER);
    const promoted = await result(handle);
    expect(statuses(promoted)).toEqual([
      'archive-previous done',
      'close-request done',
      'enter-production done',
      'record-history done',
      'serve done',
      'rebase-monitor done',
      'notify done',
    ]);
    expect(env.mocks.order().slice(-4)).toEqual([
      'promoteModelVersion',
      'confirmServing',
      'rebaseMonitor',
      'notifyPromoted',
    ]);
    expect(env.mocks.calls('notifyPromoted')).toMatchObject([{ previous: CHAMPION, approvedBy: ['governance'] }]);
  });

  it('takes the version back, once, when serving fails in a way that must not stand, and wakes who compares with it', async () => {
    const other = await startAtGate();
    env.mocks.answer({
      pinPromotion: async () => candidate({ following }),
      confirmServing: broken('no such operator'),
      undoPromotion: async () => ({ undone: true, note: 'version 6 is back', waitingGates: [other.workflowId] }),
      approvalStanding: async () => ({ request: 'superseded', champion: CHAMPION }),
    });
    const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
    await gateOpens(handle);
    await handle.signal('approve', ANSWER);
    const undone = await result(handle);
    expect(undone).toMatchObject({ outcome: 'undone', previousVersion: null });
    expect(statuses(undone)).toEqual([
      'archive-previous done',
      'close-request done',
      'enter-production undone',
      'record-history done',
      'serve failed',
      'rebase-monitor skipped',
      'notify skipped',
    ]);
    expect(undone.gates.at(-1)).toMatchObject({ gate: 'approval', verdict: 'pass' });
    expect(env.mocks.calls('undoPromotion')).toMatchObject([{ reason: 'serve: no such operator', previous: CHAMPION }]);
    expect(env.mocks.order()).not.toContain('notifyPromoted');
    expect((await result(other)).outcome).toBe('superseded');
  });

  it('stays promoted where there is nothing to go back to, and says so', async () => {
    const handle = await startAtGate(
      {
        confirmServing: broken('no such operator'),
        undoPromotion: async () => ({ undone: false, note: 'there is no version to go back to', waitingGates: [] }),
      },
      { following },
    );
    await handle.signal('approve', ANSWER);
    const { outcome, steps } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(steps.find(({ step }) => step === 'enter-production')).toEqual({
      step: 'enter-production',
      status: 'done',
      note: 'could not be undone: there is no version to go back to',
    });
  });

  it('lets a monitor or a notice fail, and goes on', async () => {
    const handle = await startAtGate({ rebaseMonitor: broken('no profile') }, { following });
    await handle.signal('approve', ANSWER);
    const promoted = await result(handle);
    expect(promoted.outcome).toBe('promoted');
    expect(statuses(promoted).slice(-3)).toEqual(['serve done', 'rebase-monitor failed', 'notify done']);
    expect(env.mocks.order()).not.toContain('undoPromotion');
  });

  it('is completed though the run is cancelled in the middle', async () => {
    let serving = false;
    let proceed: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (proceed = resolve));
    const handle = await startAtGate(
      {
        confirmServing: async () => {
          serving = true;
          await gone;
          return { step: 'serve', status: 'done' };
        },
      },
      { following },
    );
    await handle.signal('approve', ANSWER);
    await until('it asks the endpoint', () => serving);
    await handle.cancel();
    proceed();
    await handle.result().catch(() => undefined);
    expect(env.mocks.order()).toContain('notifyPromoted');
    expect(env.mocks.order()).not.toContain('closeApproval');
  });
});
