import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ApprovalState,
  approvalOutcome,
  approvalsMissing,
  countDecision,
  type CountedDecision,
  judgeDecision,
  noDecisions,
  SHORTEST_DIGEST,
} from '../../contracts/approval.ts';
import type { ApprovalRules } from '../../contracts/approval-rules.ts';
import { LONGEST_COMMENT, readDecision } from '../../contracts/decision-message.ts';
import type { Decision } from '../../contracts/decision-statement.ts';

const DIGEST = '3f9c61a0b2de4c77'.repeat(4);
const RULES: ApprovalRules = {
  approvers: ['governance', 'ml-lead'],
  quorum: 2,
  proof: 'claimed',
  requester: 'superstep',
  separateRequester: false,
  evidenceRequired: true,
  ground: {
    environment: 'prod',
    model: 'flights-delay',
    version: 3,
    modelDigest: 'e'.repeat(64),
    requestId: 'request-1',
    evidenceDigest: DIGEST,
    snapshot: 42,
  },
  keys: [],
};
const COUNTS = { counts: true, proof: 'claimed', roles: ['governance'] };
const OPEN: ApprovalState = { phase: 'open', rules: RULES, counted: [] };
const GOOD = { approver: 'governance', comment: 'ok', evidence: DIGEST.slice(0, SHORTEST_DIGEST) };

function judge(state: ApprovalState, payload: unknown, decision: Decision = 'approve') {
  return judgeDecision(state, readDecision(payload, decision));
}

/** Judges payloads as the gate does, in the order of coming. */
function run(start: ApprovalState, messages: readonly { payload: unknown; decision: Decision | undefined }[]) {
  let state = start;
  const counted: CountedDecision[] = [];
  for (const { payload, decision } of messages) {
    const message = readDecision(payload, decision);
    const judgement = judgeDecision(state, message);
    if (!judgement.counts || message === undefined) continue;
    counted.push({ ...message, proof: 'claimed', roles: [message.approver] });
    state = countDecision(state, message, judgement);
  }
  return { state, counted };
}

describe('readDecision', () => {
  it('reads what a good message says, and its digest in lower case', () => {
    expect(readDecision({ ...GOOD, evidence: DIGEST.toUpperCase() }, 'reject')).toEqual({
      ...GOOD,
      decision: 'reject',
      evidence: DIGEST,
    });
  });

  it('takes the decision from the update’s payload, and from a signal’s name whatever its payload says', () => {
    expect(readDecision({ ...GOOD, decision: 'reject' })?.decision).toBe('reject');
    expect(readDecision({ ...GOOD, decision: 'reject' }, 'approve')?.decision).toBe('approve');
    expect(readDecision({ ...GOOD, decision: 'Approve' })).toBeUndefined();
    expect(readDecision(undefined)).toBeUndefined();
  });

  it('cuts what is too long, so that no message grows the history', () => {
    const long = 'x'.repeat(1_000_000);
    const message = readDecision({ approver: long, comment: long, evidence: long }, 'approve');
    expect(message?.approver).toHaveLength(100);
    expect(message?.comment).toHaveLength(LONGEST_COMMENT + 1);
    expect(message?.evidence).toHaveLength(100);
  });
});

describe('judgeDecision', () => {
  it('counts a good message, with the whole digest or its first digits', () => {
    expect(judge(OPEN, GOOD)).toEqual(COUNTS);
    expect(judge(OPEN, { ...GOOD, evidence: DIGEST })).toEqual(COUNTS);
    expect(judge(OPEN, { ...GOOD, comment: 'x'.repeat(LONGEST_COMMENT) })).toEqual(COUNTS);
  });

  it.each([
    ['an unknown approver', { ...GOOD, approver: 'intern' }, 'NotAuthorized', /"intern" is no approver/],
    ['an approver in other letters', { ...GOOD, approver: 'Governance' }, 'NotAuthorized', /"Governance"/],
    ['no comment', { ...GOOD, comment: undefined }, 'InvalidInput', /no comment/],
    ['a blank comment', { ...GOOD, comment: ' \n\t' }, 'InvalidInput', /no comment/],
    ['the placeholder of the printed command', { ...GOOD, comment: 'WHY' }, 'InvalidInput', /still WHY/],
    ['a comment that is cut', { ...GOOD, comment: 'x'.repeat(9_999) }, 'InvalidInput', /longer than 4000/],
    ['no evidence', { ...GOOD, evidence: undefined }, 'InvalidInput', /"evidence": "3f9c61a0b2de"/],
    ['too few digits', { ...GOOD, evidence: DIGEST.slice(0, 11) }, 'StaleDecision', /other evidence/],
    ['other evidence', { ...GOOD, evidence: 'f'.repeat(64) }, 'StaleDecision', /other evidence/],
    ['more than the digest', { ...GOOD, evidence: `${DIGEST}0` }, 'StaleDecision', /other evidence/],
  ] as const)('does not count %s', (_, payload, failure, whyNot) => {
    expect(judge(OPEN, payload)).toEqual({ counts: false, failure, whyNot: expect.stringMatching(whyNot) as string });
  });

  it('needs no evidence where the policy does not, but holds what is named against the digest', () => {
    const optional: ApprovalState = { ...OPEN, rules: { ...RULES, evidenceRequired: false } };
    expect(judge(optional, { ...GOOD, evidence: undefined })).toEqual(COUNTS);
    expect(judge(optional, { ...GOOD, evidence: 'f'.repeat(64) })).toMatchObject({ failure: 'StaleDecision' });
  });

  it('counts nothing early or closed', () => {
    expect(judge(noDecisions, GOOD)).toMatchObject({ failure: 'StaleDecision' });
    expect(judge({ ...OPEN, phase: 'early' }, GOOD)).toMatchObject({ failure: 'StaleDecision' });
    expect(judge({ ...OPEN, phase: 'closed' }, GOOD)).toMatchObject({ failure: 'StaleDecision' });
  });
});

describe('the gate', () => {
  it('passes with a quorum and closes with one reject', () => {
    const approve = (approver: string) => ({ payload: { ...GOOD, approver }, decision: 'approve' as const });
    const one = run(OPEN, [approve('governance')]).state;
    expect([approvalOutcome(one), approvalsMissing(one)]).toEqual([undefined, 1]);
    const two = run(OPEN, [approve('governance'), approve('ml-lead')]).state;
    expect([approvalOutcome(two), approvalsMissing(two)]).toEqual(['approved', 0]);
    const rejected = run(OPEN, [
      approve('governance'),
      { payload: { ...GOOD, approver: 'ml-lead' }, decision: 'reject' },
    ]);
    expect(approvalOutcome(rejected.state)).toBe('rejected');
    expect(approvalOutcome(noDecisions)).toBeUndefined();
  });

  // Payloads that are nearly right are the dangerous ones, so most fields are drawn from what would count.
  const field = (...good: string[]) =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...good) },
      { weight: 1, arbitrary: fc.string() },
      { weight: 1, arbitrary: fc.anything() },
    );
  const payload = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record(
        {
          decision: field('approve', 'reject'),
          approver: field('governance', 'ml-lead', 'intern', '__proto__', 'toString'),
          comment: field('ok', '', ' ', 'x'.repeat(LONGEST_COMMENT + 5)),
          evidence: field(DIGEST, DIGEST.slice(0, 12), DIGEST.slice(0, 11), 'f'.repeat(64), '', DIGEST.toUpperCase()),
        },
        { requiredKeys: [] },
      ),
    },
    { weight: 1, arbitrary: fc.anything() },
    { weight: 1, arbitrary: fc.string({ maxLength: 20_000 }) },
  );
  const message = fc.record({
    payload,
    decision: fc.constantFrom<Decision | undefined>('approve', 'reject', undefined),
  });
  const rules = fc
    .record({
      approvers: fc.subarray(['governance', 'ml-lead', 'data-scientist'], { minLength: 1 }),
      quorum: fc.integer({ min: 1, max: 3 }),
      evidenceRequired: fc.boolean(),
    })
    .map((drawn) => ({ ...RULES, ...drawn }));

  it('takes any sequence of payloads: an approver counts once, nothing counts without comment or on other evidence', () => {
    fc.assert(
      fc.property(rules, fc.array(message, { maxLength: 12 }), (given, messages) => {
        const { state, counted } = run({ phase: 'open', rules: given, counted: [] }, messages);
        expect(state.counted).toEqual(counted);
        expect(new Set(counted.map(({ approver }) => approver)).size).toBe(counted.length);
        for (const { approver, comment, evidence } of counted) {
          expect(given.approvers).toContain(approver);
          expect(comment.trim()).not.toBe('');
          expect(comment.length).toBeLessThanOrEqual(LONGEST_COMMENT);
          if (given.evidenceRequired) expect(evidence).not.toBe('');
          expect(DIGEST.startsWith(evidence)).toBe(true);
          expect(evidence === '' || evidence.length >= SHORTEST_DIGEST).toBe(true);
        }
        const approvals = counted.filter(({ decision }) => decision === 'approve').length;
        expect(approvalsMissing(state)).toBe(Math.max(0, given.quorum - approvals));
        const rejected = counted.some(({ decision }) => decision === 'reject');
        expect(approvalOutcome(state)).toBe(rejected ? 'rejected' : approvals >= given.quorum ? 'approved' : undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('counts nothing at all while it is early or closed, and says why', () => {
    fc.assert(
      fc.property(rules, fc.constantFrom('early' as const, 'closed' as const), message, (given, phase, sent) => {
        for (const state of [noDecisions, { phase, rules: given, counted: [] }]) {
          const judgement = judgeDecision(state, readDecision(sent.payload, sent.decision));
          expect(judgement.counts).toBe(false);
          if (!judgement.counts) expect(judgement.whyNot).not.toBe('');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
