import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { approvalsMissing, type ApprovalState, type CountedDecision } from '../../contracts/approval.ts';
import { type ApprovalRules, escalatedRules } from '../../contracts/approval-rules.ts';
import type { Quorum } from '../../contracts/quorum.ts';

const ground = { environment: 'prod' as const, model: 'm', version: 1, modelDigest: '', requestId: 'r', snapshot: 1 };
const rulesOf = (quorum: Quorum): ApprovalRules => ({
  ...{ approvers: ['governance', 'ml-lead'], quorum, proof: 'claimed', requester: 'superstep', keys: [] },
  ...{ separateRequester: false, evidenceRequired: false, ground: { ...ground, evidenceDigest: 'e' } },
});

/** What is missing when people with these roles have approved. */
function missing(rules: ApprovalRules, people: readonly (readonly string[])[]): number {
  const counted = people.map((roles, n): CountedDecision => ({
    ...{ approver: `person ${n}`, decision: 'approve', comment: 'ok', evidence: '', proof: 'claimed', roles },
  }));
  const state: ApprovalState = { phase: 'open', rules, counted };
  return approvalsMissing(state);
}

describe('a quorum once a second role may decide', () => {
  const TWO = { governance: 1, 'ml-lead': 1 };

  it.each([
    [[['risk']], 1],
    [[['risk'], ['risk']], 0],
    [[['risk'], ['governance']], 0],
    [[['governance'], ['governance']], 1],
    [[['risk', 'governance'], ['governance']], 0],
  ])('by role: %j leaves %d', (people, left) => {
    expect(missing(escalatedRules(rulesOf(TWO), ['risk']), people)).toBe(left);
  });

  it('by number counts it like anybody', () => {
    expect(missing(rulesOf(2), [['risk'], ['governance']])).toBe(1);
    expect(missing(escalatedRules(rulesOf(2), ['risk']), [['risk'], ['governance']])).toBe(0);
  });

  it('never wants more than before, and never takes one person for two', () => {
    const role = fc.constantFrom('governance', 'ml-lead', 'risk', 'guest');
    const people = fc.array(fc.uniqueArray(role, { minLength: 1 }), { maxLength: 5 });
    const quorum = fc.oneof(
      fc.integer({ min: 1, max: 4 }),
      fc.record({ governance: fc.integer({ min: 1, max: 2 }), 'ml-lead': fc.integer({ min: 1, max: 2 }) }),
    );
    fc.assert(
      fc.property(people, quorum, (approvers, wanted) => {
        const places = typeof wanted === 'number' ? wanted : wanted.governance + wanted['ml-lead'];
        const escalated = missing(escalatedRules(rulesOf(wanted), ['risk']), approvers);
        expect(escalated).toBeLessThanOrEqual(missing(rulesOf(wanted), approvers));
        expect(escalated).toBeGreaterThanOrEqual(places - approvers.length);
      }),
      { numRuns: 500 },
    );
  });
});
