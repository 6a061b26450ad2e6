import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPromotionActivities, type PromotionActivities } from '../../activities/promotion-activities.ts';
import type { PromotionDependencies } from '../../activities/promotion-dependencies.ts';
import type { Proof } from '../../contracts/approval-rules.ts';
import { type DecisionMessage, readDecision } from '../../contracts/decision-message.ts';
import type { DecisionGround, DecisionToState } from '../../contracts/decision-statement.ts';
import type { ApprovalPolicy, CandidateInput, PinnedPromotion } from '../../contracts/promote-model.ts';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { createIdentity, type Identity } from '../../registry/identity/identity.ts';
import { openTestRegistry, type TestRegistry } from '../registry/open-test-registry.ts';
import { signedDecision, testKey } from '../support/signed-decisions.ts';
import { preparedEvidence } from '../workflows/sample-values.ts';
import { MODEL, orderPolicy, promotionDependencies, SNAPSHOT, stageTrained } from './trained-version.ts';

/*
 * Whoever reaches Temporal can have a worker schedule Superstep's activities with arguments of their choice. What they
 * say of the policy, of the candidate and of who decided is not believed.
 */

const STRICT = '{ approvers: [governance], quorum: 2, proof: signature, evidence_digest: required }';
const LOOSE: ApprovalPolicy = { approvers: ['mallory'], quorum: 1, proof: 'claimed', evidenceRequired: false };
const DIGEST = '1f9c'.repeat(16);
const BY = { name: 'admin', proof: 'token' } as const;

let t: TestRegistry;
let deps: PromotionDependencies;
let activities: PromotionActivities;
let identity: Identity;
beforeEach(async () => {
  t = await openTestRegistry();
  deps = await promotionDependencies(t, STRICT);
  activities = createPromotionActivities(deps);
  const approval = { approvers: ['governance'] };
  const policy = policySchema.parse({ compliance: {}, comparison: {}, approval, rollback: { by: ['ml-lead'] } });
  const now = (): Date => new Date('2001-02-01T00:00:00Z');
  identity = createIdentity({ db: t.db, now, policy: async () => policy });
  for (const [name, role] of [
    ['officer', 'governance'],
    ['second-officer', 'governance'],
    ['passer-by', 'viewer'],
  ] as const) {
    await identity.addPrincipal({ name, kind: 'user', by: BY });
    await identity.grantRole({ principal: name, role, model: null, by: BY });
    await identity.addKey({ principal: name, publicKey: testKey(name).publicKey, by: BY });
  }
});
afterEach(() => t.close());

/** A version in Staging, and what a workflow would hand to its activities. */
async function staged() {
  const version = await stageTrained(t, deps);
  const candidate = (await activities.pinPromotion({ input: { project: MODEL, version } })) as PinnedPromotion;
  const subject: CandidateInput = { candidate, workflowId: `promote-model/${MODEL}/${version}`, runId: 'run' };
  return { version, subject, evidence: preparedEvidence(subject, DIGEST) };
}

type Staged = Awaited<ReturnType<typeof staged>>;

function lying({ subject }: Staged, changes: Partial<PinnedPromotion> = {}): CandidateInput {
  return { ...subject, candidate: { ...subject.candidate, approval: LOOSE, ...changes } };
}

async function opened(gate: Staged, subject: CandidateInput = gate.subject) {
  const answer = await activities.openApproval({
    ...subject,
    evidence: gate.evidence,
    champion: null,
    superstep: null,
  });
  if (answer.outcome !== 'open') throw new Error(answer.outcome);
  const { requestId } = answer;
  const ground: DecisionGround = {
    environment: 'prod',
    model: MODEL,
    version: gate.version,
    modelDigest: gate.subject.candidate.modelDigest ?? '',
    requestId,
    evidenceDigest: DIGEST,
    snapshot: SNAPSHOT,
  };
  const signed = (by: string, stated: Partial<DecisionToState> = {}): DecisionMessage =>
    readDecision({ envelope: signedDecision(ground, { approver: by, ...stated }, by) }) as DecisionMessage;
  let sequence = 0;
  const record = async (message: DecisionMessage, as: { proof: Proof; roles: string[]; keyId?: string }) => {
    await activities.recordDecision({
      ...subject,
      requestId,
      sequence: ++sequence,
      message,
      counted: true,
      via: 'signal',
      ...as,
    });
    return (await t.registry.decisions(requestId)).at(-1);
  };
  const promote = () =>
    activities.promoteModelVersion({ ...subject, requestId, evidenceDigest: DIGEST, champion: null });
  return { requestId, ground, signed, record, promote };
}

const AS_OFFICER = { proof: 'signature', roles: ['governance'], keyId: testKey('officer').keyId } as const;
const asOfficer = () => ({ ...AS_OFFICER, roles: [...AS_OFFICER.roles] });

describe('a workflow that says what it likes', () => {
  it('cannot choose the rules of a gate: they are those of the policy in force', async () => {
    const gate = await staged();
    const { requestId, signed, record, promote } = await opened(gate, lying(gate));
    const { basis } = await t.registry.getTransitionRequest(requestId);
    expect(basis).toMatchObject({
      approval: { approvers: ['governance'], quorum: 2, proof: 'signature', evidenceRequired: true },
      modelDigest: gate.subject.candidate.modelDigest,
      snapshot: SNAPSHOT,
    });
    const [announced] = (await t.registry.activityLog(MODEL)).filter(({ action }) => action === 'GATE_OPENED');
    expect(announced?.details?.['basis']).toEqual(basis);
    const claim = { decision: 'approve', approver: 'mallory', comment: 'mine', evidence: '' } as const;
    expect(await record(claim, { proof: 'claimed', roles: ['mallory'] })).toMatchObject({
      counted: false,
      whyNot: expect.stringContaining("the approver's signature") as string,
    });
    expect(await record(signed('officer'), asOfficer())).toMatchObject({ counted: true });
    await expect(promote()).rejects.toMatchObject({ type: 'NotAuthorized' });
    expect(await t.registry.productionVersion(MODEL)).toBeUndefined();
    expect(await record(signed('second-officer'), asOfficer())).toMatchObject({
      counted: true,
      keyId: testKey('second-officer').keyId,
    });
    expect(await promote()).toMatchObject({ outcome: 'promoted' });
  });

  it('cannot put words into the record of decisions', async () => {
    const gate = await staged();
    const { ground, signed, record } = await opened(gate);
    const forged: readonly (readonly [what: string, message: DecisionMessage, whyNot: string])[] = [
      ['no statement', { decision: 'approve', approver: 'officer', comment: 'ok', evidence: DIGEST }, 'only claims'],
      ['another name beside it', { ...signed('passer-by'), approver: 'officer' }, 'says something else'],
      ['another answer beside it', { ...signed('officer', { decision: 'reject' }), decision: 'approve' }, 'says'],
      [
        'a condition beside it',
        { ...signed('officer'), conditions: [{ condition: 'x', due: '2001-06-01T00:00:00Z' }] },
        'says something else',
      ],
      ['somebody without the role', signed('passer-by'), 'unknown here'],
      [
        'another signer',
        readDecision({ envelope: signedDecision(ground, { approver: 'officer' }, 'passer-by') }) as DecisionMessage,
        'unknown here',
      ],
      [
        'another gate',
        readDecision({
          envelope: signedDecision({ ...ground, requestId: 'x' }, { approver: 'officer' }),
        }) as DecisionMessage,
        'another request',
      ],
    ];
    for (const [what, message, whyNot] of forged) {
      expect(await record(message, asOfficer()), what).toMatchObject({
        counted: false,
        whyNot: expect.stringContaining(whyNot) as string,
        proof: 'claimed',
        roles: [],
        keyId: null,
      });
    }
    const told = (await t.registry.activityLog(MODEL)).filter(({ action }) => action === 'RECORDED_DECISION');
    expect(told.map(({ proof }) => proof)).toEqual(forged.map(() => 'claimed'));
  });

  it('cannot open a gate for a file that the registry does not have', async () => {
    const gate = await staged();
    for (const changes of [{ modelDigest: 'f'.repeat(64) }, { modelDigest: '' }, { snapshot: SNAPSHOT + 1 }]) {
      await expect(opened(gate, lying(gate, changes))).rejects.toMatchObject({ type: 'StaleDecision' });
    }
    expect(await t.registry.transitionRequests(MODEL, gate.version)).toEqual([]);
  });
});

describe('a policy that changes before the gate opens', () => {
  it('opens nothing: the gates judge by the new one first', async () => {
    const gate = await staged();
    orderPolicy(t, '{ approvers: [governance], quorum: 3, proof: signature }');
    await expect(opened(gate)).rejects.toThrow('rules-changed');
    expect(await t.registry.transitionRequests(MODEL, gate.version)).toEqual([]);
    const candidate = (await activities.pinPromotion({
      input: { project: MODEL, version: gate.version },
    })) as PinnedPromotion;
    const { requestId } = await opened({ ...gate, subject: { ...gate.subject, candidate } });
    expect((await t.registry.getTransitionRequest(requestId)).basis?.approval.quorum).toBe(3);
  });

  it('leaves a gate as it was opened, also for a retry of the opening', async () => {
    const gate = await staged();
    const first = await opened(gate);
    orderPolicy(t, '{ approvers: [governance], quorum: 1, proof: claimed }');
    expect((await opened(gate)).requestId).toBe(first.requestId);
    expect((await t.registry.getTransitionRequest(first.requestId)).basis?.approval.quorum).toBe(2);
  });
});

describe('a key that is revoked after its decision, before that is recorded', () => {
  it('is no forgery: the decision is recorded, and lapses', async () => {
    const gate = await staged();
    const { signed, record, promote } = await opened(gate);
    for (const name of ['officer', 'second-officer'])
      await identity.addKey({ principal: name, publicKey: testKey(name).publicKey, by: BY });
    const later = createIdentity({
      db: t.db,
      now: () => new Date('2002-01-01T00:00:00Z'),
      policy: () => Promise.reject(new Error('not asked')),
    });
    await later.revokeKey({ keyId: testKey('officer').keyId, reason: 'lost', by: BY });
    expect(await record(signed('officer'), asOfficer())).toMatchObject({ counted: true });
    expect(await record(signed('second-officer'), asOfficer())).toMatchObject({ counted: true });
    expect(await promote()).toMatchObject({ outcome: 'approvals-lapsed' });
  });
});
