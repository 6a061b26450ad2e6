import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policyDifferences } from '../../../registry/governance/policies-in-force.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

const OLD = { approval: { approvers: ['governance'], quorum: 2 }, freeze: [] };
const NEW = { approval: { approvers: ['governance', 'ml-lead'], quorum: 1 }, freeze: [] };

let open: TestRegistry;
beforeEach(async () => void (open = await openTestRegistry()));
afterEach(() => open.close());

describe('a change of policy', () => {
  it('is audited once, field by field, with the commit that it comes from', async () => {
    const { registry } = open;
    await registry.notePolicy({ digest: 'a'.repeat(64), content: OLD, commit: null });
    await registry.notePolicy({ digest: 'a'.repeat(64), content: OLD, commit: null });
    await registry.notePolicy({ digest: 'b'.repeat(64), content: NEW, commit: 'c0ffee' });
    const changes = (await registry.activitiesAfter(0, 100)).filter(({ action }) => action === 'CHANGED_POLICY');
    expect(changes.map(({ by, comment }) => [by, comment])).toEqual([
      ['no commit', 'the first policy'],
      ['commit c0ffee', 'changed: approval.approvers, approval.quorum'],
    ]);
    expect(changes[1]?.details).toEqual({
      digest: 'b'.repeat(64),
      previous: 'a'.repeat(64),
      differences: [
        { field: 'approval.approvers', before: ['governance'], after: ['governance', 'ml-lead'] },
        { field: 'approval.quorum', before: 2, after: 1 },
      ],
    });
  });

  it('back to an earlier one is a change too', async () => {
    for (const digest of ['a', 'b', 'a']) {
      await open.registry.notePolicy({ digest: digest.repeat(64), content: OLD, commit: null });
    }
    expect(await open.registry.activitiesAfter(0, 100)).toHaveLength(3);
  });
});

describe('policyDifferences', () => {
  it('finds what came and what went', () => {
    expect(policyDifferences({ a: 1, b: { c: true } }, { b: {}, d: ['x'] })).toEqual([
      { field: 'a', before: 1, after: undefined },
      { field: 'b.c', before: true, after: undefined },
      { field: 'd', before: undefined, after: ['x'] },
    ]);
  });
});
