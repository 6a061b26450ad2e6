import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GateResult } from '../../../contracts/gates.ts';
import { applyWaivers } from '../../../registry/governance/waivers.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import type { Act } from '../../../registry/models/act.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

// The test registry's clock begins on 2001-03-01 and goes a second a reading.
const GRANT = {
  naturalKey: 'first',
  check: 'slices',
  model: 'delays',
  version: null,
  reason: 'the small airports have too few rows until May',
  grantedBy: 'governance',
  proof: 'token' as const,
  until: '2001-03-02T00:00:00Z',
};

const FAILED: GateResult = {
  gate: 'compliance',
  verdict: 'fail',
  summary: 'delays version 3 fails 1 of 2 checks: slices.',
  checks: [
    { name: 'parity', verdict: 'pass', expected: 'at most 1e-5', found: '1e-7' },
    { name: 'slices', verdict: 'fail', expected: 'AUC of at least 0.55', found: 'SJU 0.51' },
  ],
};

let open: TestRegistry;
beforeEach(async () => {
  open = await openTestRegistry();
  await open.register('delays');
});
afterEach(() => open.close());

describe('a waiver', () => {
  it('counts for its model until its end, and is in the audit', async () => {
    const waiver = await open.registry.grantWaiver(GRANT);
    const active = (at: string, version = 3) => open.registry.activeWaivers('delays', version, at);
    expect(await active('2001-03-01T12:00:00.000Z')).toEqual([waiver]);
    expect(await active('2001-03-02T00:00:00.000Z')).toEqual([]);
    expect(await active('2001-02-28T00:00:00.000Z')).toEqual([]);
    expect(await open.registry.activeWaivers('other', 3, '2001-03-01T12:00:00.000Z')).toEqual([]);
    expect((await open.registry.activityLog('delays')).slice(-1)).toMatchObject([
      { action: 'GRANTED_WAIVER', by: 'governance', proof: 'token', details: { check: 'slices', waiver: waiver.id } },
    ]);
  });

  it('of one version counts for no other', async () => {
    await open.registry.grantWaiver({ ...GRANT, version: 3 });
    expect(await open.registry.activeWaivers('delays', 3, '2001-03-01T12:00:00.000Z')).toHaveLength(1);
    expect(await open.registry.activeWaivers('delays', 4, '2001-03-01T12:00:00.000Z')).toEqual([]);
  });

  it('granted again under the same key is the same one', async () => {
    const first = await open.registry.grantWaiver(GRANT);
    expect(await open.registry.grantWaiver({ ...GRANT, reason: 'another' })).toEqual(first);
    expect(await open.registry.waivers()).toHaveLength(1);
  });

  it('can be ended before its time, once', async () => {
    const { id } = await open.registry.grantWaiver(GRANT);
    const revoked = await open.registry.revokeWaiver(id, { by: 'governance', proof: 'token' });
    expect(revoked.revokedBy).toBe('governance');
    expect(await open.registry.revokeWaiver(id, { by: 'ml-lead', proof: 'token' })).toEqual(revoked);
    expect(await open.registry.activeWaivers('delays', 3, '2001-03-01T12:00:00.000Z')).toEqual([]);
    await expect(open.registry.revokeWaiver('none', { by: 'governance', proof: 'token' })).rejects.toMatchObject({
      type: 'UnknownResource',
    });
  });

  it('granted again after it was revoked is another one, which counts', async () => {
    const by = { by: 'governance', proof: 'token' } as const;
    const first = await open.registry.grantWaiver(GRANT);
    await open.registry.revokeWaiver(first.id, by);
    const second = await open.registry.grantWaiver({ ...GRANT, reason: 'after all' });
    expect(second).toMatchObject({ reason: 'after all', revokedAt: null });
    expect(await open.registry.grantWaiver(GRANT)).toEqual(second);
    expect(await open.registry.activeWaivers('delays', 3, '2001-03-01T12:00:00.000Z')).toEqual([second]);
    await open.registry.revokeWaiver(second.id, by);
    expect((await open.registry.grantWaiver(GRANT)).revokedAt).toBeNull();
    expect((await open.registry.waivers()).map((waiver) => waiver.revokedAt !== null)).toEqual([true, true, false]);
    const acts = (await open.registry.activityLog('delays')).map((act) => act.action);
    expect(acts.filter((act) => act === 'GRANTED_WAIVER')).toHaveLength(3);
  });

  it.each([
    ['deleted', (act: Act) => open.registry.deleteModel('delays', act)],
    ['renamed', (act: Act) => open.registry.renameModel('delays', 'late', act)],
  ])('goes with its model when that is %s; the next model of the name is granted its own', async (_, away) => {
    await open.register('delays');
    const [first, ofVersion] = [
      await open.registry.grantWaiver(GRANT),
      await open.registry.grantWaiver({ ...GRANT, naturalKey: 'of version 1', version: 1 }),
    ];
    await away({
      caller: createCaller({ name: 'root', proof: 'token', roles: ['admin'] }),
      directChanges: 'refused',
    });
    expect(await open.register('delays')).toBe(1);
    const active = () => open.registry.activeWaivers('delays', 1, '2001-03-01T12:00:00.000Z');
    expect(await active()).toEqual([]);
    const second = await open.registry.grantWaiver(GRANT);
    expect([first.id, ofVersion.id]).not.toContain(second.id);
    expect(await active()).toEqual([second]);
  });

  it.each([
    ['no reason', { reason: '  ' }, 'gives no reason'],
    ['no check', { check: '' }, 'names no check'],
    ['no end', { until: 'never' }, 'expected an instant'],
    ['an end that has passed', { until: '2001-02-01T00:00:00Z' }, 'has passed'],
    ['an end in the far future', { until: '2003-01-01T00:00:00Z' }, 'change the policy instead'],
  ])('with %s is refused', async (_, change, expected) => {
    await expect(open.registry.grantWaiver({ ...GRANT, ...change })).rejects.toThrow(expected);
    expect(await open.registry.waivers()).toEqual([]);
  });
});

describe('applyWaivers', () => {
  it('lets a waived check pass and says who let it, why and until when', async () => {
    const waiver = await open.registry.grantWaiver(GRANT);
    const result = applyWaivers(FAILED, [waiver]);
    expect(result.verdict).toBe('pass');
    expect(result.summary).toContain('Waived: slices.');
    expect(result.checks[1]).toEqual({
      name: 'slices',
      verdict: 'pass',
      expected: 'AUC of at least 0.55',
      found: `SJU 0.51; waived by governance until 2001-03-02T00:00:00.000Z: ${GRANT.reason}`,
      waiver: waiver.id,
    });
  });

  it('leaves what passes and what is not waived as it is', async () => {
    const waiver = await open.registry.grantWaiver({ ...GRANT, check: 'parity' });
    expect(applyWaivers(FAILED, [waiver])).toBe(FAILED);
    const two = { ...FAILED, checks: FAILED.checks.map((check) => ({ ...check, verdict: 'fail' as const })) };
    expect(applyWaivers(two, [waiver]).verdict).toBe('fail');
  });
});
