import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { approversMissing, quorumText } from '../../contracts/quorum.ts';

const ROLES = ['governance', 'ml-lead', 'risk', '__proto__'];

/** The most places that can be filled, by trying every way of giving each approver a place or none. */
function mostByTrying(quorum: Readonly<Record<string, number>>, approvers: readonly (readonly string[])[]): number {
  const [first, ...rest] = approvers;
  if (first === undefined) return 0;
  const ways = [...new Set(first)]
    .filter((role) => Object.hasOwn(quorum, role) && (quorum[role] ?? 0) > 0)
    .map((role) => 1 + mostByTrying({ ...quorum, [role]: (quorum[role] ?? 0) - 1 }, rest));
  return Math.max(mostByTrying(quorum, rest), ...ways);
}

describe('approversMissing', () => {
  it('counts heads where the quorum is a number', () => {
    expect(
      [0, 1, 2, 3].map((n) =>
        approversMissing(
          2,
          Array.from({ length: n }, () => ['governance']),
        ),
      ),
    ).toEqual([2, 1, 0, 0]);
  });

  it('fills places by role, one person one place, whoever came first', () => {
    const quorum = { governance: 1, 'ml-lead': 1 };
    const both = ['governance', 'ml-lead'];
    expect(approversMissing(quorum, [['governance'], ['governance']])).toBe(1);
    expect(approversMissing(quorum, [both])).toBe(1);
    expect(approversMissing(quorum, [both, ['governance']])).toBe(0);
    expect(approversMissing(quorum, [['governance'], both])).toBe(0);
    expect(approversMissing(quorum, [both, both])).toBe(0);
    expect(approversMissing({ governance: 2, 'ml-lead': 1 }, [both, both, ['ml-lead']])).toBe(0);
    expect(approversMissing({ governance: 2, 'ml-lead': 1 }, [both, ['ml-lead'], ['ml-lead']])).toBe(1);
  });

  it.each([0, -1, {}, { governance: 0 }])('wants at least one approver, whatever the quorum (%j)', (quorum) => {
    expect(approversMissing(quorum, [])).toBe(1);
    expect(approversMissing(quorum, [['governance']])).toBe(0);
  });

  it('never passes on a quorum that is no number', () => {
    expect(approversMissing(Number.NaN, [['governance']])).not.toBe(0);
  });

  it('fills as many places as can be filled at once', () => {
    const someRoles = fc.array(fc.constantFrom(...ROLES), { maxLength: 4 });
    const places = fc.array(fc.tuple(fc.constantFrom(...ROLES), fc.integer({ min: 0, max: 3 })), { maxLength: 4 });
    fc.assert(
      fc.property(places, fc.array(someRoles, { maxLength: 6 }), (given, approvers) => {
        const quorum = Object.fromEntries(given);
        const wanted = Object.values(quorum).reduce((sum, count) => sum + count, 0);
        const missing = wanted - mostByTrying(quorum, approvers);
        expect(approversMissing(quorum, approvers)).toBe(approvers.length === 0 ? Math.max(1, missing) : missing);
      }),
      { numRuns: 2_000 },
    );
  });

  it('wants no more of the same people in another order', () => {
    const quorum = { governance: 2, 'ml-lead': 1, risk: 1 };
    fc.assert(
      fc.property(fc.array(fc.subarray(ROLES), { maxLength: 6 }), fc.nat(), (approvers, turn) => {
        const by = approvers.length === 0 ? 0 : turn % approvers.length;
        const turned = [...approvers.slice(by), ...approvers.slice(0, by)].reverse();
        expect(approversMissing(quorum, turned)).toBe(approversMissing(quorum, approvers));
      }),
    );
  });
});

it('says a quorum in words', () => {
  expect(quorumText(2, ['governance', 'ml-lead'])).toBe('2 of governance, ml-lead');
  expect(quorumText({ governance: 1, 'ml-lead': 2 }, [])).toBe('1 governance, 2 ml-lead');
});
