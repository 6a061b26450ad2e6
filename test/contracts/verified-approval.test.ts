import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ApprovalState,
  approvalOutcome,
  countDecision,
  judgeDecision,
  refreshApprovers,
} from '../../contracts/approval.ts';
import { type ApprovalRules, PROOFS, type Proof, provesEnough } from '../../contracts/approval-rules.ts';
import { readDecision } from '../../contracts/decision-message.ts';
import type { Decision, DecisionGround } from '../../contracts/decision-statement.ts';
import type { DsseEnvelope } from '../../contracts/dsse.ts';
import { approversMissing } from '../../contracts/quorum.ts';
import { decisionKey, signedDecision, testKey } from '../support/signed-decisions.ts';

const GROUND: DecisionGround = {
  environment: 'prod',
  model: 'flights-delay',
  version: 3,
  modelDigest: 'e'.repeat(64),
  requestId: 'request-1',
  evidenceDigest: '3f9c61a0b2de4c77'.repeat(4),
  snapshot: 42,
};
const PEOPLE = {
  officer: ['governance'],
  lead: ['ml-lead'],
  secondOfficer: ['governance', 'ml-lead'],
  secondLead: ['viewer'],
} as const;
type Person = keyof typeof PEOPLE;
const NAMES = Object.keys(PEOPLE) as Person[];
const KEYS = [...NAMES.map((name) => decisionKey(name, PEOPLE[name])), decisionKey('registry', [], 'server')];
const RULES: ApprovalRules = {
  approvers: ['governance', 'ml-lead'],
  quorum: 1,
  proof: 'signature',
  requester: 'superstep',
  separateRequester: false,
  evidenceRequired: true,
  ground: GROUND,
  keys: KEYS,
};

function open(changes: Partial<ApprovalRules> = {}): ApprovalState {
  return { phase: 'open', rules: { ...RULES, ...changes }, counted: [] };
}

const judge = (state: ApprovalState, payload: unknown, decision?: Decision) =>
  judgeDecision(state, readDecision(payload, decision));

const byServer = (approver: string, roles: readonly string[]): DsseEnvelope =>
  signedDecision(GROUND, { approver, roles, proof: 'token' }, 'registry');

describe('a signed decision', () => {
  it('counts as what it proves: of its signer, with the roles of the key', () => {
    const officer = { counts: true, proof: 'signature', roles: ['governance'], keyId: testKey('officer').keyId };
    expect(judge(open(), { envelope: signedDecision(GROUND, { approver: 'officer' }) })).toEqual(officer);
    expect(judge(open({ proof: 'claimed' }), { envelope: signedDecision(GROUND, { approver: 'officer' }) })).toEqual(
      officer,
    );
    expect(judge(open({ proof: 'token' }), { envelope: byServer('stranger', ['ml-lead', 'x']) })).toEqual({
      counts: true,
      proof: 'token',
      roles: ['ml-lead', 'x'],
      keyId: testKey('registry').keyId,
    });
  });

  const forger = decisionKey('forger', ['governance']);
  const forged = signedDecision(GROUND, { approver: 'officer' });
  const other = signedDecision(GROUND, { approver: 'officer', comment: 'another' });
  it.each<[string, unknown, Partial<ApprovalRules>, string, RegExp]>([
    [
      'a name alone',
      { decision: 'approve', approver: 'governance', comment: 'ok' },
      {},
      'NotAuthorized',
      /only claims.*signature/,
    ],
    [
      'a name alone for a token',
      { decision: 'approve', approver: 'officer', comment: 'ok' },
      { proof: 'token' },
      'NotAuthorized',
      /only claims.*token/,
    ],
    [
      'a token for a signature',
      { envelope: byServer('officer', ['governance']) },
      {},
      'NotAuthorized',
      /proof is a token/,
    ],
    [
      'an unknown key',
      { envelope: signedDecision(GROUND, { approver: 'forger' }) },
      {},
      'NotAuthorized',
      /unknown here, or revoked/,
    ],
    [
      'a key of somebody else',
      { envelope: signedDecision(GROUND, { approver: 'officer' }, 'lead') },
      {},
      'NotAuthorized',
      /is lead's/,
    ],
    [
      'a person who plays the server',
      { envelope: signedDecision(GROUND, { approver: 'officer', roles: ['governance'], proof: 'token' }, 'lead') },
      { proof: 'token' },
      'NotAuthorized',
      /of a person/,
    ],
    [
      'a server that plays a person',
      { envelope: signedDecision(GROUND, { approver: 'registry' }, 'registry') },
      {},
      'NotAuthorized',
      /of a server/,
    ],
    [
      'roles that a person gives to himself',
      { envelope: signedDecision(GROUND, { approver: 'secondLead', roles: ['governance'] }) },
      {},
      'NotAuthorized',
      /secondLead is no approver/,
    ],
    ['no role', { envelope: byServer('stranger', []) }, { proof: 'token' }, 'NotAuthorized', /stranger is no approver/],
    [
      'a signature over another statement',
      { envelope: { ...forged, signatures: other.signatures } },
      {},
      'NotAuthorized',
      /signature is not/,
    ],
    [
      'a signature of another key',
      { envelope: { ...forged, signatures: [{ ...forged.signatures[0], keyid: forger.keyId }] } },
      { keys: [forger] },
      'NotAuthorized',
      /is forger's/,
    ],
    [
      'no comment',
      { envelope: signedDecision(GROUND, { approver: 'officer', comment: ' ' }) },
      {},
      'InvalidInput',
      /no comment/,
    ],
    [
      'a comment that is too long',
      { envelope: signedDecision(GROUND, { approver: 'officer', comment: 'x'.repeat(4_001) }) },
      {},
      'InvalidInput',
      /longer than/,
    ],
    ['a broken envelope', { decision: 'approve', envelope: 'x' }, {}, 'InvalidInput', /envelope/],
    ['a broken envelope without more', { envelope: { payload: 7 } }, { proof: 'claimed' }, 'InvalidInput', /envelope/],
    [
      'a requester',
      { envelope: signedDecision(GROUND, { approver: 'officer' }) },
      { requester: 'officer', separateRequester: true },
      'NotAuthorized',
      /asked for this/,
    ],
    [
      'a reject with conditions',
      { envelope: signedDecision(GROUND, { approver: 'officer', decision: 'reject', conditions: [] }) },
      {},
      'InvalidInput',
      /approval only/,
    ],
  ])('does not count: %s', (_, payload, changes, failure, whyNot) => {
    expect(judge(open(changes), payload)).toEqual({
      counts: false,
      failure,
      whyNot: expect.stringMatching(whyNot) as string,
    });
  });

  it.each<[string, Partial<DecisionGround>]>([
    ['environment', { environment: 'staging' }],
    ['version', { version: 2 }],
    ['model', { modelDigest: 'f'.repeat(64) }],
    ['request', { requestId: 'request-0' }],
    ['evidence', { evidenceDigest: '0'.repeat(64) }],
    ['snapshot', { snapshot: 41 }],
  ])('is stale on another %s', (_, changes) => {
    const envelope = signedDecision({ ...GROUND, ...changes }, { approver: 'officer' });
    expect(judge(open(), { envelope })).toMatchObject({ counts: false, failure: 'StaleDecision' });
  });

  it('says itself what it decides; a signal of another name does not turn it', () => {
    const envelope = signedDecision(GROUND, { approver: 'officer', decision: 'reject' });
    expect(judge(open(), { envelope }, 'approve')).toMatchObject({ failure: 'InvalidInput' });
    expect(judge(open(), { envelope, decision: 'approve' })).toMatchObject({ failure: 'InvalidInput' });
    expect(judge(open(), { envelope }, 'reject')).toMatchObject({ counts: true });
    const read = readDecision({ envelope, decision: 'reject', approver: 'lead', comment: 'other', evidence: 'ff' });
    expect(read).toMatchObject({ decision: 'reject', approver: 'officer', comment: 'looks right' });
  });

  it('counts once, also when it comes twice or by another proof', () => {
    const envelope = signedDecision(GROUND, { approver: 'officer' });
    const state = open({ proof: 'token' });
    const judgement = judge(state, { envelope });
    const message = readDecision({ envelope });
    if (!judgement.counts || message === undefined) throw new Error('expected it to count');
    const after = countDecision(state, message, judgement);
    expect(judge(after, { envelope })).toMatchObject({
      failure: 'StaleDecision',
      whyNot: expect.stringMatching(/once/) as string,
    });
    expect(judge(after, { envelope: byServer('officer', ['governance']) })).toMatchObject({
      failure: 'StaleDecision',
    });
  });

  it('replaces in a comment what no database keeps, and keeps the statement as it was signed', () => {
    const envelope = signedDecision(GROUND, { approver: 'officer', comment: 'a\0b\ud800c' });
    const message = readDecision({ envelope });
    expect(message?.comment).toBe('a\ufffdb\ufffdc');
    expect(message?.envelope).toEqual(envelope);
  });
});

describe('hostile messages', () => {
  const good = signedDecision(GROUND, { approver: 'officer' });
  const [signature] = good.signatures;
  const text = fc.oneof(
    fc.constantFrom(good.payload, signature.sig, signature.keyid, ''),
    fc.base64String(),
    fc.string(),
  );
  const part = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: fc.anything() });
  const spoiltSignature = fc.oneof(fc.constant(signature), fc.record({ keyid: part, sig: part }), fc.anything());
  const spoiltPayload = fc.oneof(
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64')),
    // A statement with one of its bytes changed is nearly right.
    fc.tuple(fc.nat(Buffer.from(good.payload, 'base64').length - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(good.payload, 'base64');
      bytes[at] = byte;
      return bytes.toString('base64');
    }),
    part,
  );
  const envelope = fc.oneof(
    fc.record({
      payloadType: fc.oneof(fc.constant(good.payloadType), part),
      payload: spoiltPayload,
      signatures: fc.oneof(fc.array(spoiltSignature, { maxLength: 3 }), fc.anything()),
    }),
    fc.anything(),
  );

  it('are answered, never thrown, small enough to keep, and never counted', () => {
    fc.assert(
      fc.property(envelope, fc.constantFrom<Decision | undefined>('approve', 'reject', undefined), (sent, named) => {
        const message = readDecision({ envelope: sent, decision: named }, named);
        const judgement = judgeDecision(open({ proof: 'token' }), message);
        const isTheGoodOne = JSON.stringify(message?.envelope) === JSON.stringify(good);
        if (!isTheGoodOne) expect(judgement.counts).toBe(false);
        if (!judgement.counts) expect(judgement.whyNot).not.toBe('');
        expect(JSON.stringify(message ?? null).length).toBeLessThan(100_000);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** What happens at a gate, and what is true of it by its making. */
type Happening =
  | { readonly kind: 'message'; readonly payload: unknown; readonly truth: Truth }
  | { readonly kind: 'leaves' | 'loses key'; readonly who: Person };

/** Whether it proves who decided what on this ground. */
interface Truth {
  readonly approver: string;
  readonly decision: Decision;
  readonly proof: Proof;
  readonly roles: readonly string[];
  readonly genuine: boolean;
}

const person = fc.constantFrom(...NAMES);
const decision = fc.constantFrom<Decision>('approve', 'approve', 'approve', 'reject');
// Most are signed as they should be: what is rare is found in many runs, a quorum only by many good ones.
const elsewhere = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Partial<DecisionGround>>({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Partial<DecisionGround>>(
      { evidenceDigest: '0'.repeat(64) },
      { requestId: 'request-0' },
      { modelDigest: 'f'.repeat(64) },
      { snapshot: 41 },
    ),
  },
);
const seldom = fc.nat(7).map((drawn) => drawn === 0);
const otherSigner = fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: person });
const signed = fc
  .record({
    who: person,
    by: otherSigner,
    decision,
    elsewhere,
    broken: seldom,
    asServer: fc.boolean(),
  })
  .map(({ who, by, decision: answer, elsewhere: changes, broken, asServer }): Happening => {
    const proof = asServer ? 'token' : 'signature';
    const roles = PEOPLE[who];
    const stated = { approver: who, decision: answer, proof, ...(asServer ? { roles } : {}) } as const;
    // Some are signed by a person who is another, or who plays the server.
    const signer = by ?? (asServer ? 'registry' : who);
    const envelope = signedDecision({ ...GROUND, ...changes }, stated, signer);
    const [{ keyid, sig }] = envelope.signatures;
    const spoilt = {
      ...envelope,
      signatures: [{ keyid, sig: `${sig.slice(0, 8) === 'AAAAAAAA' ? 'BBBB' : 'AAAA'}${sig.slice(4)}` }],
    };
    const genuine = Object.keys(changes).length === 0 && !broken && (by === null || (by === who && !asServer));
    return {
      kind: 'message',
      payload: { envelope: broken ? spoilt : envelope },
      truth: { approver: who, decision: answer, proof, roles, genuine },
    };
  });
const claimed = fc
  .record({ approver: fc.constantFrom('governance', 'ml-lead', 'officer'), decision })
  .map(({ approver, decision: answer }): Happening => ({
    kind: 'message',
    payload: { decision: answer, approver, comment: 'ok', evidence: GROUND.evidenceDigest },
    truth: { approver, decision: answer, proof: 'claimed', roles: [approver], genuine: approver !== 'officer' },
  }));
const happening = fc.oneof(
  { weight: 6, arbitrary: signed },
  { weight: 2, arbitrary: claimed },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('leaves' as const, 'loses key' as const), who: person }) },
);

describe('the gate', () => {
  it('passes with a quorum of distinct, authorised approvers who are still there, on this evidence, and never else', () => {
    const rules = fc.record({
      proof: fc.constantFrom(...PROOFS),
      quorum: fc.constantFrom(
        1,
        2,
        3,
        { governance: 1, 'ml-lead': 1 },
        { governance: 2 },
        { 'ml-lead': 2, governance: 1 },
      ),
      separateRequester: fc.boolean(),
      requester: fc.constantFrom('officer', 'superstep', 'ml-lead'),
    });
    fc.assert(
      fc.property(rules, fc.array(happening, { maxLength: 12, size: 'max' }), (drawn, happenings) => {
        const given = { ...RULES, ...drawn };
        let state = open(given);
        let stands: Truth[] = [];
        const left: string[] = [];
        const lost: string[] = [];
        for (const what of happenings) {
          if (what.kind === 'message') {
            const message = readDecision(what.payload);
            const judgement = judgeDecision(state, message);
            const { truth } = what;
            const authorised =
              truth.genuine &&
              provesEnough(truth.proof, given.proof) &&
              truth.roles.some((role) => given.approvers.includes(role)) &&
              !(truth.proof === 'signature' && lost.includes(truth.approver)) &&
              !(given.separateRequester && truth.approver === given.requester);
            const again = stands.some(({ approver }) => approver === truth.approver);
            expect(judgement.counts).toBe(authorised && !again);
            if (!judgement.counts || message === undefined) continue;
            state = countDecision(state, message, judgement);
            stands.push(truth);
          } else {
            (what.kind === 'leaves' ? left : lost).push(what.who);
            // Who leaves loses the key too; the server attests for nobody who left.
            if (what.kind === 'leaves') lost.push(what.who);
            const keys = KEYS.filter(({ owner }) => !lost.includes(owner));
            const refreshed = refreshApprovers(state, { keys, left });
            const gone = (truth: Truth): boolean =>
              left.includes(truth.approver) || (truth.proof === 'signature' && lost.includes(truth.approver));
            expect(refreshed.lapsed.map(({ approver }) => approver)).toEqual(
              stands.filter(gone).map((t) => t.approver),
            );
            stands = stands.filter((truth) => !gone(truth));
            state = refreshed.state;
          }
          const rejected = stands.some((truth) => truth.decision === 'reject');
          const roles = stands
            .filter((t) => t.decision === 'approve')
            .map((t) => t.roles.filter((r) => RULES.approvers.includes(r)));
          const enough = approversMissing(given.quorum, roles) === 0;
          expect(approvalOutcome(state)).toBe(rejected ? 'rejected' : enough ? 'approved' : undefined);
        }
      }),
      { numRuns: 150 },
    );
  });
});
