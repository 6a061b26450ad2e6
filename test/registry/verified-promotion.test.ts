import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeDecision, type Judgement, noDecisions } from '../../contracts/approval.ts';
import type { ApprovalRules } from '../../contracts/approval-rules.ts';
import { readDecision } from '../../contracts/decision-message.ts';
import type { DecisionGround, DecisionToState } from '../../contracts/decision-statement.ts';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { createAttestation } from '../../registry/attestation.ts';
import { reportProduction } from '../../registry/audit/production-report.ts';
import { createCaller } from '../../registry/identity/rights.ts';
import { createIdentity, type Identity } from '../../registry/identity/identity.ts';
import { loadServerKey } from '../../registry/identity/server-key.ts';
import { signedDecision, testKey } from '../support/signed-decisions.ts';
import { openTestRegistry, takesNames, type TestRegistry } from './open-test-registry.ts';

const MODEL = 'delays';
const BY = { name: 'admin', proof: 'token' } as const;
const now = (): Date => new Date('2001-05-01T00:00:00Z');

let t: TestRegistry;
let identity: Identity;
beforeEach(async () => {
  t = await openTestRegistry();
  const approval = { approvers: ['governance', 'ml-lead'] };
  const policy = policySchema.parse({ compliance: {}, comparison: {}, approval, rollback: { by: ['ml-lead'] } });
  identity = createIdentity({ db: t.db, now, policy: async () => policy });
});
afterEach(() => t.close());

async function person(name: string, role: string, model: string | null = null): Promise<void> {
  await identity.addPrincipal({ name, kind: 'user', by: BY });
  await identity.grantRole({ principal: name, role, model, by: BY });
  await identity.addKey({ principal: name, publicKey: testKey(name).publicKey, by: BY });
}

/** A version that waits at its gate, and what promotes it. */
async function waiting(changes: Partial<ApprovalRules> = {}) {
  const version = await t.stage(MODEL);
  const { requestId, digest: evidenceDigest } = await t.open(MODEL, version);
  const { onnx } = await t.registry.getModelVersion(MODEL, version);
  const ground: DecisionGround = {
    environment: 'prod',
    model: MODEL,
    version,
    modelDigest: onnx?.sha256 ?? '',
    requestId,
    evidenceDigest,
    snapshot: 1,
  };
  const { keys } = await t.registry.approverNews(MODEL, ['governance', 'ml-lead'], []);
  const approvers = ['governance', 'ml-lead'];
  const rules: ApprovalRules = { ...takesNames(), approvers, proof: 'signature', ground, keys, ...changes };
  const promotion = {
    naturalKey: `promote/${requestId}`,
    model: MODEL,
    version,
    requestId,
    evidenceDigest,
    expectedChampion: null,
    rules: { ...rules, keys: [] },
    workflowId: `promote-model/${MODEL}/${version}`,
  };
  return { version, requestId, ground, rules, promotion };
}

type Waiting = Awaited<ReturnType<typeof waiting>>;

/** As what it counts, without what a claim does not have. */
function standing({ counts: _, ...rest }: Extract<Judgement, { counts: true }>) {
  return rest;
}

/** Records what a gate made of a message, as its workflow does. */
async function record({ rules, requestId, version }: Waiting, payload: unknown) {
  const message = readDecision(payload);
  const judgement = judgeDecision({ ...noDecisions, phase: 'open', rules }, message);
  return t.registry.recordDecision({
    naturalKey: `${requestId}/${JSON.stringify(payload)}`,
    model: MODEL,
    version,
    requestId,
    approver: message?.approver ?? '',
    decision: message?.decision ?? '',
    comment: message?.comment ?? '',
    evidence: message?.evidence ?? '',
    receivedVia: 'update',
    ...(judgement.counts ? { counted: true, ...standing(judgement) } : { counted: false, whyNot: judgement.whyNot }),
    ...(message?.envelope === undefined ? {} : { envelope: message.envelope }),
    ...(message?.conditions === undefined ? {} : { conditions: message.conditions }),
  });
}

const signed = (gate: Waiting, stated: Partial<DecisionToState> & { approver: string }, signer?: string) => ({
  envelope: signedDecision(gate.ground, stated, signer ?? stated.approver),
});

describe('a promotion on signed decisions', () => {
  it('keeps statement, key and roles, and takes what conditions the approver made', async () => {
    await person('officer', 'governance');
    const gate = await waiting();
    const conditions = [{ condition: 'explain hub ATL', due: '2001-06-01T00:00:00Z' }];
    const payload = signed(gate, { approver: 'officer', conditions });
    const kept = await record(gate, payload);
    expect(kept).toMatchObject({
      counted: true,
      proof: 'signature',
      roles: ['governance'],
      keyId: testKey('officer').keyId,
    });
    expect(await record(gate, payload)).toEqual(kept);
    const [stored] = await t.registry.decisions(gate.requestId);
    expect(stored).toEqual(kept);
    expect(stored?.statement).toEqual(payload.envelope);
    expect(await t.registry.promote(gate.promotion)).toMatchObject({ outcome: 'promoted' });
    expect(await t.registry.conditions(MODEL)).toMatchObject([
      { condition: 'explain hub ATL', dueAt: '2001-06-01T00:00:00Z', imposedBy: 'officer' },
    ]);
    const [activity] = (await t.registry.activityLog(MODEL)).filter(({ action }) => action === 'RECORDED_DECISION');
    expect(activity).toMatchObject({
      by: 'officer',
      proof: 'signature',
      details: { keyId: testKey('officer').keyId },
    });
    expect((await t.registry.productionHistory(MODEL)).at(-1)).toMatchObject({ decidedBy: ['officer'] });
  });

  it('wants each role where the quorum does', async () => {
    await person('officer', 'governance');
    await person('lead', 'governance');
    await person('secondOfficer', 'ml-lead');
    const gate = await waiting({ quorum: { governance: 1, 'ml-lead': 1 } });
    await record(gate, signed(gate, { approver: 'officer' }));
    await record(gate, signed(gate, { approver: 'lead' }));
    await expect(t.registry.promote(gate.promotion)).rejects.toThrow(
      'needs 1 governance, 1 ml-lead, found 2 (officer, lead)',
    );
    await record(gate, signed(gate, { approver: 'secondOfficer' }));
    expect(await t.registry.promote(gate.promotion)).toMatchObject({ outcome: 'promoted' });
  });

  it.each([
    ['leaves', () => identity.disable({ principal: 'officer', reason: 'left', by: BY })],
    ['loses the key', () => identity.revokeKey({ keyId: testKey('officer').keyId, reason: 'stolen', by: BY })],
    ['loses the role', () => identity.revokeRole({ principal: 'officer', role: 'governance', by: BY })],
  ])('counts nobody who %s before it takes effect, and changes nothing afterwards', async (what, happens) => {
    await person('officer', 'governance');
    await person('lead', 'ml-lead');
    const gate = await waiting();
    await record(gate, signed(gate, { approver: 'officer' }));
    await happens();
    const lapsed = await t.registry.promote(gate.promotion);
    expect(lapsed).toMatchObject({ outcome: 'approvals-lapsed', left: what === 'loses the key' ? [] : ['officer'] });
    if (lapsed.outcome === 'approvals-lapsed') expect(lapsed.keys.map(({ owner }) => owner)).toEqual(['lead']);
    expect(await t.registry.productionVersion(MODEL)).toBeUndefined();
    await record(gate, signed(gate, { approver: 'lead' }));
    expect(await t.registry.promote(gate.promotion)).toMatchObject({ outcome: 'promoted' });
    expect((await t.registry.productionHistory(MODEL)).at(-1)).toMatchObject({ decidedBy: ['lead'] });
  });

  it('stays valid when the approver leaves later', async () => {
    await person('officer', 'governance');
    const gate = await waiting();
    await record(gate, signed(gate, { approver: 'officer' }));
    const promoted = await t.registry.promote(gate.promotion);
    await identity.disable({ principal: 'officer', reason: 'left', by: BY });
    expect(await t.registry.promote(gate.promotion)).toEqual(promoted);
    expect((await t.registry.productionVersion(MODEL))?.version).toBe(gate.version);
    const now = new Date();
    const report = await reportProduction(t.registry, MODEL, now.toISOString(), now);
    const left = (await identity.principals()).find(({ name }) => name === 'officer')?.leftAt;
    expect(left).toEqual(expect.any(String));
    expect(report?.decidedBy).toMatchObject([{ name: 'officer', proof: 'signature', leftAt: left }]);
  });

  it('does not believe a row that says counted: it checks proof, signature and ground itself', async () => {
    await person('officer', 'governance');
    const { keyId } = testKey('officer');
    const rows = [
      { proof: 'claimed' as const, approver: 'governance' },
      { proof: 'signature' as const, keyId, approver: 'officer' },
    ];
    for (const forged of rows) {
      for (const change of [{}, { snapshot: 2 }]) {
        const gate = await waiting();
        const { ground, requestId, version } = gate;
        const genuine = signedDecision({ ...ground, ...change }, { approver: 'officer' });
        const sig = Buffer.alloc(64, 1).toString('base64');
        const envelope = 'snapshot' in change ? genuine : { ...genuine, signatures: [{ keyid: keyId, sig }] as const };
        await t.registry.recordDecision({
          naturalKey: requestId,
          model: MODEL,
          version,
          requestId,
          decision: 'approve',
          comment: 'ok',
          evidence: ground.evidenceDigest,
          counted: true,
          receivedVia: 'signal',
          roles: ['governance'],
          ...forged,
          ...(forged.proof === 'claimed' ? {} : { envelope }),
        });
        await expect(t.registry.promote(gate.promotion)).rejects.toMatchObject({
          type: 'NotAuthorized',
          message: expect.stringContaining('cannot count') as string,
        });
      }
    }
  });

  it('is not the requester’s to approve where the policy says so; who asked, the registry knows', async () => {
    await person('superstep-user', 'governance');
    const gate = await waiting({ separateRequester: true, requester: 'somebody else' });
    const { requestedBy } = await t.registry.getTransitionRequest(gate.requestId);
    expect(requestedBy).toBe('superstep');
    const claims = { ...gate, rules: { ...gate.rules, proof: 'claimed' as const, approvers: ['superstep'] } };
    const evidence = gate.ground.evidenceDigest;
    await record(claims, { decision: 'approve', approver: 'superstep', comment: 'mine', evidence });
    await expect(t.registry.promote({ ...gate.promotion, rules: claims.rules })).rejects.toThrow(
      'asked for this promotion',
    );
  });
});

describe('keys that decisions may be signed with', () => {
  it('are those of people with an approver’s role for the model, and the registry’s own', async () => {
    await person('officer', 'governance');
    await person('lead', 'ml-lead', MODEL);
    await person('secondOfficer', 'ml-lead', 'another');
    await person('secondLead', 'viewer');
    const server = await loadServerKey({ db: t.db, now, folder: t.folder });
    const { keys } = await t.registry.approverNews(MODEL, ['governance', 'ml-lead'], []);
    expect(keys).toEqual([
      {
        keyId: testKey('officer').keyId,
        owner: 'officer',
        roles: ['governance'],
        publicKey: testKey('officer').publicKey,
        kind: 'person',
      },
      {
        keyId: testKey('lead').keyId,
        owner: 'lead',
        roles: ['ml-lead'],
        publicKey: testKey('lead').publicKey,
        kind: 'person',
      },
      { keyId: server.keyId, owner: 'registry', roles: [], publicKey: server.publicKey, kind: 'server' },
    ]);
  });
});

describe('what the server attests', () => {
  it('counts at the gate as the caller’s, with roles granted for the model and those of the provider’s groups', async () => {
    await person('lead', 'ml-lead', MODEL);
    const key = await loadServerKey({ db: t.db, now, folder: t.folder });
    const { attest } = createAttestation({ db: t.db, key, now });
    const gate = await waiting({ proof: 'token', quorum: { governance: 1, 'ml-lead': 1 } });
    const lead = createCaller({ name: 'lead', proof: 'token', roles: ['viewer'] });
    const auditor = createCaller({ name: 'auditor', proof: 'oidc', roles: ['governance', 'viewer'] });
    for (const caller of [lead, auditor]) {
      const envelope = await attest(caller, { rules: gate.rules, decision: 'approve', comment: 'ok' });
      expect(JSON.stringify(envelope)).not.toContain('viewer');
      expect(await record(gate, { envelope })).toMatchObject({ counted: true, proof: 'token', approver: caller.name });
    }
    expect(await t.registry.promote(gate.promotion)).toMatchObject({ outcome: 'promoted' });
    expect((await t.registry.productionHistory(MODEL)).at(-1)).toMatchObject({ decidedBy: ['lead', 'auditor'] });
  });

  it('counts no longer once the role is revoked, unless a provider’s group may give it still', async () => {
    await person('lead', 'ml-lead');
    await identity.addPrincipal({ name: 'auditor', kind: 'user', issuer: 'https://login.example.com', by: BY });
    const key = await loadServerKey({ db: t.db, now, folder: t.folder });
    const { attest } = createAttestation({ db: t.db, key, now });
    const gate = await waiting({ proof: 'token', quorum: 2 });
    const callers = [
      createCaller({ name: 'lead', proof: 'token', roles: [] }),
      createCaller({ name: 'auditor', proof: 'oidc', roles: ['governance'] }),
    ];
    for (const caller of callers)
      await record(gate, { envelope: await attest(caller, { rules: gate.rules, decision: 'approve', comment: 'ok' }) });
    await identity.revokeRole({ principal: 'lead', role: 'ml-lead', by: BY });
    expect(await t.registry.promote(gate.promotion)).toMatchObject({ outcome: 'approvals-lapsed', left: ['lead'] });
    await identity.grantRole({ principal: 'lead', role: 'ml-lead', by: BY });
    expect(await t.registry.promote(gate.promotion)).toMatchObject({ outcome: 'promoted' });
  });

  it.each(['anonymous', 'claimed'] as const)('is nothing for a caller who is %s', async (proof) => {
    const key = await loadServerKey({ db: t.db, now, folder: t.folder });
    const { attest } = createAttestation({ db: t.db, key, now });
    const gate = await waiting({ proof: 'token' });
    const caller = createCaller({ name: 'governance', proof, roles: ['governance'] });
    await expect(attest(caller, { rules: gate.rules, decision: 'approve', comment: 'ok' })).rejects.toMatchObject({
      type: 'NotAuthorized',
    });
  });
});
