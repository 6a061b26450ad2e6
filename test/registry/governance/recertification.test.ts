import { describe, expect, it } from 'vitest';
import type { GateResult } from '../../../contracts/gates.ts';
import { policySchema } from '../../../contracts/schemas/policy.ts';
import { recertificationFindings, type RecertificationFacts } from '../../../registry/governance/recertification.ts';

const compliance: GateResult = {
  gate: 'compliance',
  verdict: 'pass',
  summary: 'passes',
  checks: [{ name: 'parity', verdict: 'pass', expected: 'at most 1e-5', found: '1e-7' }],
};
const POLICY = {
  compliance: {},
  comparison: {},
  rollback: { by: ['governance'] },
  approval: { approvers: ['governance', 'ml-lead'], quorum: 2, proof: 'token' },
};

function facts(change: Partial<RecertificationFacts> = {}, policy: object = POLICY): RecertificationFacts {
  return {
    model: 'delays',
    version: 3,
    policy: policySchema.parse(policy),
    compliance,
    approvals: [
      { approver: 'officer-1', roles: ['governance'], proof: 'token' },
      { approver: 'lead-1', roles: ['ml-lead'], proof: 'signature' },
    ],
    enteredAt: '2001-03-01T00:00:00.000Z',
    enteredThrough: 'promotion',
    conditions: [],
    lastReview: null,
    now: '2001-06-01T00:00:00.000Z',
    ...change,
  };
}

const found = (change: Partial<RecertificationFacts>, policy?: object): string[] =>
  recertificationFindings(facts(change, policy)).map(({ kind, finding }) => `${kind}: ${finding}`);

describe('recertificationFindings', () => {
  it('says nothing about what would pass today', () => {
    expect(found({})).toEqual([]);
  });

  it('names a check that would not pass today', () => {
    const checks = [{ name: 'slices', verdict: 'fail' as const, expected: 'AUC of at least 0.7', found: 'SJU 0.61' }];
    expect(found({ compliance: { ...compliance, verdict: 'fail', checks } })).toEqual([
      'compliance: slices: expected AUC of at least 0.7; found SJU 0.61',
    ]);
  });

  it('names approvals that a stricter policy would miss', () => {
    const one = [{ approver: 'officer-1', roles: ['governance'], proof: 'token' as const }];
    expect(found({ approvals: one })).toEqual(['approval: today it would lack 1 approval of 2 of governance, ml-lead']);
    const byRole = { ...POLICY, approval: { ...POLICY.approval, quorum: { governance: 1, 'ml-lead': 1 } } };
    expect(found({ approvals: one }, byRole)).toEqual([
      'approval: today it would lack 1 approval of 1 governance, 1 ml-lead',
    ]);
    expect(found({}, byRole)).toEqual([]);
    const signed = { ...POLICY, approval: { ...POLICY.approval, proof: 'signature' } };
    expect(found({}, signed)).toEqual([
      'approval: today it would lack 1 approval of 2 of governance, ml-lead; too weak a proof today: officer-1 by token',
    ]);
    expect(found({ approvals: [], enteredThrough: 'broken glass' })).toEqual([
      "approval: nobody's approval stands behind it: it came through broken glass",
    ]);
  });

  it('names conditions that are due and not met', () => {
    const condition = {
      id: 'c',
      model: 'delays',
      version: 3,
      requestId: 'r',
      condition: 'look at San Juan',
      dueAt: '2001-05-01T00:00:00.000Z',
      imposedBy: 'governance',
      imposedAt: '2001-03-01T00:00:00.000Z',
      fulfilledAt: null,
      fulfilledBy: null,
      fulfilledComment: null,
    };
    expect(found({ conditions: [condition] })).toEqual([
      'condition: "look at San Juan", which governance asked for, was due at 2001-05-01T00:00:00.000Z',
    ]);
    expect(found({ conditions: [{ ...condition, dueAt: '2001-07-01T00:00:00.000Z' }] })).toEqual([]);
    expect(found({ conditions: [{ ...condition, fulfilledAt: '2001-04-01T00:00:00.000Z' }] })).toEqual([]);
  });

  it('asks for a review when the last one is too long ago', () => {
    const reviewed = { ...POLICY, review_every: '30d' };
    expect(found({}, reviewed)).toEqual([
      'review: it was last reviewed at 2001-03-01T00:00:00.000Z; the policy asks for it every 30d',
    ]);
    expect(found({ lastReview: '2001-05-15T00:00:00.000Z' }, reviewed)).toEqual([]);
  });
});
