import { randomUUID } from 'node:crypto';
import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { DecideAnswer } from '../../contracts/messages.ts';
import type { PinnedPromotion, PromoteModelResult } from '../../contracts/promote-model.ts';
import type { Activities } from './mock-activities.ts';
import { candidate, evidenceDigest, gateResult, PROJECT, VERSION } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const EVIDENCE = evidenceDigest().slice(0, 12);
const ANSWER = { approver: 'governance', comment: 'looks right', evidence: EVIDENCE };
const APPROVAL = { ...ANSWER, decision: 'approve' };

const OPTIONAL: PinnedPromotion['approval'] = { approvers: ['governance'], quorum: 1, evidenceRequired: false };
const QUORUM: PinnedPromotion['approval'] = {
  approvers: ['governance', 'ml-lead'],
  quorum: 2,
  evidenceRequired: true,
};

function start(): Promise<WorkflowHandle> {
  return env.start('promoteModel', { project: PROJECT, version: VERSION });
}

async function startAtGate(
  approval = candidate().approval,
  changes: Partial<Activities> = {},
): Promise<WorkflowHandle> {
  env.mocks.answer({ pinPromotion: async () => candidate({ approval }), ...changes });
  const handle = await start();
  await gateOpens(handle);
  return handle;
}

async function result(handle: WorkflowHandle): Promise<PromoteModelResult> {
  return (await handle.result()) as PromoteModelResult;
}

function decide(handle: WorkflowHandle, payload: unknown, updateId: string = randomUUID()): Promise<DecideAnswer> {
  return handle.executeUpdate<DecideAnswer, [unknown]>('decide', { args: [payload], updateId });
}

async function refusal(handle: WorkflowHandle, payload: unknown): Promise<{ type: string; message: string }> {
  const error: unknown = await decide(handle, payload).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  const { type, message } = (error as WorkflowUpdateFailedError).cause as unknown as { type: string; message: string };
  return { type, message };
}

/** Activity tasks that are held back until they are let go. */
function latch(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

describe('the update decide', () => {
  it('approves, and answers that nothing is missing', async () => {
    const handle = await startAtGate();
    expect(await decide(handle, APPROVAL)).toEqual({
      decision: 'approve',
      counted: true,
      missing: 0,
      outcome: 'approved',
    });
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions).toMatchObject([{ counted: true, via: 'update' }]);
  });

  it('says how many approvals are missing; the last one promotes', async () => {
    const handle = await startAtGate(QUORUM);
    expect(await decide(handle, APPROVAL)).toEqual({ decision: 'approve', counted: true, missing: 1 });
    expect((await refusal(handle, APPROVAL)).message).toMatch(/governance has decided already/);
    expect(env.mocks.order()).not.toContain('promoteModelVersion');
    const second = await decide(handle, { ...APPROVAL, approver: 'ml-lead' });
    expect(second).toMatchObject({ missing: 0, outcome: 'approved' });
    expect((await result(handle)).gates.at(-1)?.checks[0]).toMatchObject({
      expected: '2 of governance, ml-lead',
      found: 'governance: approve, ml-lead: approve',
    });
  });

  it('rejects at once, whatever the quorum and who approved before', async () => {
    const handle = await startAtGate(QUORUM);
    await decide(handle, APPROVAL);
    const rejection = await decide(handle, { ...APPROVAL, decision: 'reject', approver: 'ml-lead' });
    expect(rejection).toMatchObject({ decision: 'reject', counted: true, outcome: 'rejected' });
    expect((await result(handle)).outcome).toBe('rejected');
  });

  it('sent twice with one id counts once and answers the same', async () => {
    const handle = await startAtGate(QUORUM);
    const answers = [await decide(handle, APPROVAL, 'governance-7'), await decide(handle, APPROVAL, 'governance-7')];
    expect(answers[1]).toEqual(answers[0]);
    await decide(handle, { ...APPROVAL, approver: 'ml-lead' });
    expect((await result(handle)).decisions).toHaveLength(2);
    expect(env.mocks.calls('recordDecision')).toHaveLength(2);
  });

  it('is refused with the reason when it cannot count; nothing is recorded, and a good one counts afterwards', async () => {
    const handle = await startAtGate();
    const refusals: [unknown, string, RegExp][] = [
      [{ ...APPROVAL, approver: 'intern' }, 'NotAuthorized', /"intern" is no approver here; .* governance, ml-lead/],
      [{ ...APPROVAL, comment: ' ' }, 'InvalidInput', /no comment/],
      [{ ...APPROVAL, comment: 'x'.repeat(100_000) }, 'InvalidInput', /longer than 4000/],
      [{ ...APPROVAL, evidence: 'ffffffffffff' }, 'StaleDecision', /other evidence \(ffffffffffff\)/],
      [{ ...APPROVAL, evidence: EVIDENCE.slice(0, 11) }, 'StaleDecision', /other evidence/],
      [{ ...APPROVAL, evidence: undefined }, 'InvalidInput', new RegExp(`expected "evidence": "${EVIDENCE}"`)],
      [{ ...APPROVAL, decision: 'maybe' }, 'InvalidInput', /expected "decision"/],
      [{ decision: 'approve' }, 'InvalidInput', /names no approver; .* governance, ml-lead/],
      [undefined, 'InvalidInput', /expected "decision"/],
      [null, 'InvalidInput', /expected "decision"/],
      [[APPROVAL], 'InvalidInput', /expected "decision"/],
      [7, 'InvalidInput', /expected "decision"/],
      ['approve', 'InvalidInput', /expected "decision"/],
    ];
    for (const [payload, type, message] of refusals) {
      const refused = await refusal(handle, payload);
      expect(refused.type, JSON.stringify(payload)?.slice(0, 80)).toBe(type);
      expect(refused.message).toMatch(message);
    }
    expect(env.mocks.calls('recordDecision')).toEqual([]);
    await decide(handle, APPROVAL);
    expect((await result(handle)).decisions).toHaveLength(1);
  });

  it('is refused before the gate opens', async () => {
    const { open, passed } = latch();
    env.mocks.answer({
      checkCompliance: async () => {
        await passed;
        return gateResult('compliance');
      },
    });
    const handle = await start();
    await until('compliance is being checked', () => env.mocks.calls('checkCompliance').length === 1);
    expect(await refusal(handle, APPROVAL)).toEqual({
      type: 'StaleDecision',
      message: expect.stringMatching(/not open yet/) as string,
    });
    open();
    await gateOpens(handle);
    await handle.terminate();
  });

  it('is refused once the gate is closed', async () => {
    const { open, passed } = latch();
    const handle = await startAtGate(undefined, {
      confirmServing: async () => passed.then(() => ({ step: 'serve', status: 'done' })),
    });
    await decide(handle, APPROVAL);
    await until('it is promoted', () => env.mocks.calls('confirmServing').length === 1);
    expect((await refusal(handle, { ...APPROVAL, approver: 'ml-lead' })).type).toMatch(/StaleDecision/);
    open();
    expect((await result(handle)).outcome).toBe('promoted');
  });
});

describe('signals', () => {
  it('before the gate opens are recorded and do not count, even where the policy asks for no evidence', async () => {
    const { open, passed } = latch();
    env.mocks.answer({
      pinPromotion: async () => candidate({ approval: OPTIONAL }),
      checkCompliance: async () => {
        await passed;
        return gateResult('compliance');
      },
    });
    const handle = await start();
    await handle.signal('approve', { approver: 'governance', comment: 'unseen' });
    open();
    await gateOpens(handle);
    await until('the early message is shown', async () => (await status(handle)).details.includes('not open yet'));
    expect(env.mocks.calls('recordDecision')).toMatchObject([
      { sequence: 1, counted: false, via: 'signal', message: { comment: 'unseen' }, requestId: 'request-1f9c' },
    ]);
    await handle.signal('approve', { approver: 'governance', comment: 'seen' });
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions.map(({ comment, counted }) => ({ comment, counted }))).toEqual([
      { comment: 'unseen', counted: false },
      { comment: 'seen', counted: true },
    ]);
  });

  it('for a gate that never opened are recorded without a request', async () => {
    const { open, passed } = latch();
    env.mocks.answer({
      checkCompliance: async () => {
        await passed;
        return gateResult('compliance', 'fail');
      },
    });
    const handle = await start();
    await handle.signal('approve', ANSWER);
    open();
    expect((await result(handle)).outcome).toBe('failed-compliance');
    expect(env.mocks.calls('recordDecision')).toMatchObject([{ requestId: null, counted: false }]);
  });

  it('after the gate closed are recorded and do not count', async () => {
    const { open, passed } = latch();
    const handle = await startAtGate(undefined, {
      confirmServing: async () => passed.then(() => ({ step: 'serve', status: 'done' })),
    });
    await handle.signal('approve', ANSWER);
    await until('it is promoted', () => env.mocks.calls('confirmServing').length === 1);
    await handle.signal('reject', { ...ANSWER, approver: 'ml-lead', comment: 'wait' });
    open();
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions[1]).toEqual({
      approver: 'ml-lead',
      decision: 'reject',
      comment: 'wait',
      counted: false,
      whyNot: 'the gate is closed',
      via: 'signal',
    });
    expect(env.mocks.calls('recordDecision')[1]).toMatchObject({ sequence: 2, counted: false });
  });

  it('that cannot count are recorded with the reason, shown, and block nothing', async () => {
    const handle = await startAtGate();
    const bad: [string, unknown[]][] = [
      ['approve', []],
      ['approve', [null]],
      ['approve', [[1, 2]]],
      ['reject', [42]],
      ['approve', [true]],
      ['approve', ['governance']],
      ['approve', ['g'.repeat(200_000)]],
      ['reject', [{ approver: 'g'.repeat(50_000), comment: 'c'.repeat(50_000), evidence: 'e'.repeat(50_000) }]],
      ['approve', [{ approver: { name: 'governance' }, comment: ['x'], evidence: 7 }]],
      ['approve', [{ ...ANSWER, approver: 'intern' }]],
      ['approve', [{ ...ANSWER, comment: '' }]],
      ['approve', [{ ...ANSWER, evidence: 'ffffffffffff' }]],
      ['approve', [{ ...ANSWER, decision: 'reject', comment: '\n' }]],
    ];
    for (const [name, args] of bad) await handle.signal(name, ...args);
    await until('all are recorded', () => env.mocks.calls('recordDecision').length === bad.length);
    await gateOpens(handle);
    const recorded = env.mocks.calls('recordDecision');
    expect(recorded.map(({ sequence }) => sequence)).toEqual(bad.map((_, i) => i + 1));
    expect(recorded.every(({ counted, whyNot }) => !counted && whyNot !== undefined)).toBe(true);
    for (const { message } of recorded) expect(JSON.stringify(message).length).toBeLessThan(5_000);
    const { details } = await status(handle);
    expect(details).toContain('"intern" is no approver here');
    expect(details).toContain('it has no comment');
    expect(details.length).toBeLessThan(20_000);
    expect(details).toContain('--name decide');
    await handle.signal('approve', ANSWER);
    expect((await result(handle)).outcome).toBe('promoted');
  });

  it('whose name is misspelt are shown at once, and no flood of them fills the details', async () => {
    const handle = await startAtGate();
    await handle.signal('aprove', ANSWER);
    await until('the misspelt name is shown', async () => (await status(handle)).details.includes('`aprove`'));
    expect((await status(handle)).details).toContain('Expected `approve` or `reject`');
    for (let i = 0; i < 40; i++) await handle.signal(`${'x'.repeat(300)}${i}`);
    for (let i = 0; i < 40; i++) await handle.signal(`stray-${i}`);
    await handle.signal('approve', ANSWER);
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions).toHaveLength(1);
    const { details } = await status(handle);
    expect(details).toContain('`aprove`');
    expect(details).not.toContain('`stray-39`');
  });

  it('of one approver count once: a second answer changes nothing', async () => {
    const handle = await startAtGate(QUORUM);
    await handle.signal('approve', ANSWER);
    await handle.signal('reject', { ...ANSWER, comment: 'changed my mind' });
    await handle.signal('approve', { ...ANSWER, approver: 'ml-lead' });
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions.map(({ counted }) => counted)).toEqual([true, false, true]);
  });
});
