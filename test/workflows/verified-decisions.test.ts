import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { DecisionKey } from '../../contracts/approval-rules.ts';
import { candidateRules } from '../../contracts/candidate-rules.ts';
import type { DecisionGround } from '../../contracts/decision-statement.ts';
import type { DecideAnswer } from '../../contracts/messages.ts';
import type { ApprovalPolicy, PromoteModelResult } from '../../contracts/promote-model.ts';
import { decisionKey, signedDecision, testKey } from '../support/signed-decisions.ts';
import type { Activities } from './mock-activities.ts';
import { candidate, CHAMPION, evidenceDigest, PROJECT, VERSION } from './sample-values.ts';
import { gateOpens, startWorkflowEnv, status, until, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const OFFICER = decisionKey('officer', ['governance']);
const LEAD = decisionKey('lead', ['ml-lead']);
const REGISTRY = decisionKey('registry', [], 'server');
const KEYS = [OFFICER, LEAD, REGISTRY];
const SIGNATURE: ApprovalPolicy = {
  approvers: ['governance', 'ml-lead'],
  quorum: 1,
  evidenceRequired: true,
  proof: 'signature',
};
const BOTH: ApprovalPolicy = { ...SIGNATURE, proof: 'token', quorum: { governance: 1, 'ml-lead': 1 } };
const MODEL_DIGEST = 'e'.repeat(64);
const { ground: GROUND } = candidateRules(candidate({ modelDigest: MODEL_DIGEST }), {
  requestId: 'request-1f9c',
  evidenceDigest: evidenceDigest(),
  keys: [],
});

async function startAtGate(
  approval: ApprovalPolicy,
  changes: Partial<Activities> = {},
  keys: readonly DecisionKey[] = KEYS,
): Promise<WorkflowHandle> {
  env.mocks.answer({
    pinPromotion: async () => candidate({ approval, modelDigest: MODEL_DIGEST }),
    openApproval: async () => ({
      outcome: 'open',
      requestId: GROUND.requestId,
      superseded: [],
      keys,
      requester: 'dora',
    }),
    approvalStanding: async () => ({ request: 'open', champion: CHAMPION, keys, left: [] }),
    ...changes,
  });
  const handle = await env.start('promoteModel', { project: PROJECT, version: VERSION });
  await gateOpens(handle);
  return handle;
}

const by = (approver: string, ground: DecisionGround = GROUND) => ({ envelope: signedDecision(ground, { approver }) });
const attested = (approver: string, roles: readonly string[], decision: 'approve' | 'reject' = 'approve') => ({
  envelope: signedDecision(GROUND, { approver, roles, proof: 'token', decision }, 'registry'),
});

async function result(handle: WorkflowHandle): Promise<PromoteModelResult> {
  return (await handle.result()) as PromoteModelResult;
}

function decide(handle: WorkflowHandle, payload: unknown): Promise<DecideAnswer> {
  return handle.executeUpdate<DecideAnswer, [unknown]>('decide', { args: [payload] });
}

async function refusal(handle: WorkflowHandle, payload: unknown): Promise<string> {
  const error: unknown = await decide(handle, payload).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  const { type, message } = (error as WorkflowUpdateFailedError).cause as unknown as { type: string; message: string };
  return `${type}: ${message}`;
}

describe('a gate that asks for signatures', () => {
  it('promotes on a signed decision, checked in the sandbox, and keeps statement, roles and key', async () => {
    const handle = await startAtGate(SIGNATURE);
    const payload = by('officer');
    expect(await decide(handle, payload)).toEqual({
      decision: 'approve',
      counted: true,
      missing: 0,
      outcome: 'approved',
    });
    const { outcome, decisions, gates } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions).toEqual([
      {
        approver: 'officer',
        decision: 'approve',
        comment: 'looks right',
        counted: true,
        via: 'update',
        proof: 'signature',
      },
    ]);
    expect(gates.at(-1)?.checks[0]).toMatchObject({
      expected: '1 of governance, ml-lead',
      found: 'officer: approve',
    });
    expect(env.mocks.calls('recordDecision')).toMatchObject([
      {
        counted: true,
        proof: 'signature',
        roles: ['governance'],
        keyId: OFFICER.keyId,
        message: { approver: 'officer', evidence: evidenceDigest(), envelope: payload.envelope },
      },
    ]);
    expect((await status(handle)).details).toContain('| who (proof) |');
  });

  it('tells in its status all that somebody needs to sign, and in its details what counts', async () => {
    const handle = await startAtGate({ ...SIGNATURE, separateRequester: true });
    const { waitsFor, details } = await status(handle);
    expect(waitsFor?.rules).toEqual({
      approvers: ['governance', 'ml-lead'],
      quorum: 1,
      proof: 'signature',
      requester: 'dora',
      separateRequester: true,
      evidenceRequired: true,
      ground: {
        environment: 'prod',
        model: PROJECT,
        version: VERSION,
        modelDigest: MODEL_DIGEST,
        requestId: 'request-1f9c',
        evidenceDigest: evidenceDigest(),
        snapshot: 42,
      },
      keys: KEYS,
    });
    expect(Date.parse(waitsFor?.until ?? '')).toBeGreaterThan(Date.now());
    expect(details).toContain(
      'Asks for 1 of governance, ml-lead, proved by signature; not from dora, who asked for it.',
    );
    await handle.terminate();
  });

  it('refuses in the update what proves nothing, before history is written', async () => {
    const handle = await startAtGate(SIGNATURE);
    const good = by('officer').envelope;
    const forged = { ...good, signatures: [{ ...good.signatures[0], sig: Buffer.alloc(64, 7).toString('base64') }] };
    const before = (await handle.fetchHistory()).events?.length ?? 0;
    const claim = { decision: 'approve', approver: 'governance', comment: 'ok', evidence: evidenceDigest() };
    expect(await refusal(handle, claim)).toMatch(/NotAuthorized: .*only claims.*npm run decide/);
    expect(await refusal(handle, { envelope: forged })).toMatch(/NotAuthorized: .*signature is not/);
    expect(await refusal(handle, by('forger'))).toMatch(/NotAuthorized: .*unknown here, or revoked/);
    expect(await refusal(handle, attested('officer', ['governance']))).toMatch(/NotAuthorized: .*proof is a token/);
    expect(await refusal(handle, by('officer', { ...GROUND, snapshot: 41 }))).toMatch(/StaleDecision: .*snapshot/);
    expect(await refusal(handle, { envelope: { ...good, payload: '%' } })).toMatch(/InvalidInput: .*payload/);
    expect(await refusal(handle, { envelope: 'x'.repeat(1_000_000) })).toMatch(/InvalidInput: .*envelope/);
    expect(env.mocks.calls('recordDecision')).toEqual([]);
    const types = (await handle.fetchHistory()).events?.slice(before).map((event) => event.eventType);
    expect(types?.some((type) => String(type).includes('UPDATE_ACCEPTED'))).toBe(false);
    await decide(handle, by('lead'));
    expect((await result(handle)).outcome).toBe('promoted');
  });

  it('records what comes by signal and proves nothing, with the reason and the statement as evidence', async () => {
    const handle = await startAtGate(SIGNATURE);
    const forged = signedDecision(GROUND, { approver: 'officer' }, 'lead');
    await handle.signal('approve', { envelope: forged });
    await handle.signal('approve', by('officer', { ...GROUND, requestId: 'request-0' }));
    await handle.signal('reject', by('officer'));
    await handle.signal('approve', by('officer'));
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions.map(({ counted }) => counted)).toEqual([false, false, false, true]);
    expect(decisions.map(({ whyNot }) => whyNot)).toEqual([
      expect.stringMatching(/is lead's/),
      expect.stringMatching(/another request/),
      expect.stringMatching(/sent as "reject"/),
      undefined,
    ]);
    expect(env.mocks.calls('recordDecision')[0]?.message?.envelope).toEqual(forged);
  });

  it('is not worn out by a flood of forged ones', async () => {
    const handle = await startAtGate(SIGNATURE);
    const good = by('officer').envelope;
    for (let i = 0; i < 40; i++) {
      const sig = Buffer.alloc(64, i).toString('base64');
      await handle.signal('approve', { envelope: { ...good, signatures: [{ ...good.signatures[0], sig }] } });
    }
    await handle.signal('approve', { envelope: good });
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions.filter(({ counted }) => counted)).toHaveLength(1);
  });
});

describe('a gate that asks for tokens and for one of each role', () => {
  it('counts what the server attests, each person once, and a signature as well', async () => {
    const handle = await startAtGate(BOTH);
    expect(await decide(handle, attested('auditor', ['governance']))).toMatchObject({ counted: true, missing: 1 });
    expect(await refusal(handle, attested('auditor', ['ml-lead']))).toMatch(/auditor has decided already/);
    expect(await decide(handle, attested('thirdLead', ['governance']))).toMatchObject({ counted: true, missing: 1 });
    expect(await decide(handle, by('lead'))).toMatchObject({ counted: true, missing: 0, outcome: 'approved' });
    const { decisions, gates } = await result(handle);
    expect(decisions.map(({ proof }) => proof)).toEqual(['token', 'token', 'signature']);
    expect(gates.at(-1)?.checks[0]?.expected).toBe('1 governance, 1 ml-lead');
  });

  it('is closed by one attested reject', async () => {
    const handle = await startAtGate(BOTH);
    expect(await decide(handle, attested('auditor', ['ml-lead'], 'reject'))).toMatchObject({ outcome: 'rejected' });
    expect((await result(handle)).outcome).toBe('rejected');
    expect(env.mocks.calls('closeApproval')).toMatchObject([{ by: 'auditor', outcome: 'rejected' }]);
  });
});

describe('approvers who leave while the gate waits', () => {
  it('no longer count once it is woken: a revoked key, and a name that left', async () => {
    const handle = await startAtGate(BOTH, {
      approvalStanding: async () => ({
        request: 'open',
        champion: CHAMPION,
        keys: [LEAD, REGISTRY],
        left: ['auditor'],
      }),
    });
    await decide(handle, by('officer'));
    await decide(handle, attested('auditor', ['governance']));
    await handle.signal('groundMoved');
    await until('the gate has asked', () => env.mocks.calls('approvalStanding').length === 1);
    expect(env.mocks.calls('approvalStanding')[0]).toMatchObject({ approvers: ['officer', 'auditor'] });
    await until('it shows that they lapsed', async () => (await status(handle)).details.includes('counts no longer'));
    expect(await refusal(handle, by('officer'))).toMatch(/unknown here, or revoked/);
    expect(await decide(handle, by('lead'))).toMatchObject({ missing: 1 });
    expect(await decide(handle, attested('thirdLead', ['governance']))).toMatchObject({ missing: 0 });
    const { outcome, decisions } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(decisions.map(({ approver, counted }) => `${approver} ${counted}`)).toEqual([
      'officer false',
      'auditor false',
      'lead true',
      'thirdLead true',
    ]);
  });

  it('no longer count where the promotion finds it out; the gate waits on for somebody else', async () => {
    let asked = 0;
    const handle = await startAtGate(SIGNATURE, {
      promoteModelVersion: async () =>
        ++asked === 1
          ? { outcome: 'approvals-lapsed', keys: [LEAD], left: ['officer'] }
          : { outcome: 'promoted', previous: CHAMPION, steps: [] },
    });
    await decide(handle, by('officer'));
    await until('it waits again', async () => (await status(handle)).details.includes('counts no longer'));
    await gateOpens(handle);
    expect(await decide(handle, by('lead'))).toMatchObject({ counted: true, outcome: 'approved' });
    const { outcome, gates } = await result(handle);
    expect(outcome).toBe('promoted');
    expect(gates.at(-1)?.checks[0]?.found).toBe('lead: approve');
    expect(env.mocks.order()).not.toContain('closeApproval');
  });

  it('and registry and gate disagreeing is a fault that somebody must look at, no endless loop', async () => {
    const handle = await startAtGate(SIGNATURE, {
      promoteModelVersion: async () => ({ outcome: 'approvals-lapsed', keys: KEYS, left: [] }),
    });
    await decide(handle, by('officer'));
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'NotAuthorized' } });
    expect(env.mocks.calls('promoteModelVersion')).toHaveLength(1);
    expect(env.mocks.calls('closeApproval')).toMatchObject([{ outcome: 'cancelled' }]);
  });
});

it('a key that was added while the gate waits counts once it is woken', async () => {
  const secondOfficer = decisionKey('secondOfficer', ['governance']);
  const handle = await startAtGate(SIGNATURE, {
    approvalStanding: async () => ({ request: 'open', champion: CHAMPION, keys: [...KEYS, secondOfficer], left: [] }),
  });
  expect(await refusal(handle, by('secondOfficer'))).toContain(testKey('secondOfficer').keyId);
  await handle.signal('groundMoved');
  await until('the gate knows it', async () => {
    const { waitsFor } = await status(handle);
    return waitsFor?.rules.keys.some(({ owner }) => owner === 'secondOfficer') === true;
  });
  await decide(handle, by('secondOfficer'));
  expect((await result(handle)).outcome).toBe('promoted');
});

describe('the workflow bundle', () => {
  it('checks signatures in plain JavaScript, and stays small', async () => {
    const code = await readFile(inject('workflowBundle'), 'utf8');
    expect(code).toContain('@noble/curves/ed25519.js');
    expect(code).not.toMatch(/node_modules\/@noble\/(curves|hashes)\/(webcrypto|nist|secp256k1)\.js"/);
    expect(code).not.toMatch(/node:crypto|require\("crypto"\)/);
    // Megabytes, with its source map.
    expect(code.length / 1e6).toBeLessThan(4);
  });
});
