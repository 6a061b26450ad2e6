import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, openTestRegistry, type TestRegistry } from './open-test-registry.ts';

const MODEL = 'delays';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

describe('openApproval, when another champion is in Production than the evidence compares with', () => {
  const lease = { model: MODEL, holder: 'w', asOf: '2001-05-01T00:00:00Z', window: 'w18', leaseMs: 3_600_000 };
  const asking = (version: number, expectedChampion: number | null) => ({
    naturalKey: `${version} against ${expectedChampion ?? 'none'}`,
    model: MODEL,
    version,
    evidenceDigest: digestOf(`against ${expectedChampion ?? 'none'}`),
    expectedChampion,
    workflowId: 'w',
    requestedBy: 'superstep',
    releaseLeaseOf: lease.holder,
  });
  const everything = async () => ({
    versions: await t.registry.modelVersions(MODEL),
    gates: await t.registry.openApprovals(MODEL),
    log: await t.registry.activityLog(MODEL),
    retrainings: await t.registry.retrainings(MODEL),
  });

  it.each([null, 7])('changes nothing, and names it (expected: %s)', async (expectedChampion) => {
    const champion = await t.promoteNew(MODEL);
    const [older, version] = [await t.stage(MODEL), await t.stage(MODEL)];
    await t.open(MODEL, older);
    await t.registry.acquireRetrainingLease({ ...lease, coolDownMs: 0, atMost: { count: 9, perMs: 1 } });
    const before = await everything();
    const stale = asking(version, expectedChampion);
    expect(await t.registry.openApproval(stale)).toEqual({ outcome: 'champion-changed', champion });
    expect(await t.registry.openApproval(stale)).toEqual({ outcome: 'champion-changed', champion });
    expect(await everything()).toEqual(before);
    expect(await t.registry.openApproval(asking(version, champion))).toMatchObject({
      outcome: 'open',
      superseded: [{ version: older }],
    });
  });

  it('answers null when nothing is in Production', async () => {
    const version = await t.stage(MODEL);
    expect(await t.registry.openApproval(asking(version, 1))).toEqual({
      outcome: 'champion-changed',
      champion: null,
    });
  });

  it('leaves the open request of the same version as it is', async () => {
    const version = await t.stage(MODEL);
    const { requestId } = await t.open(MODEL, version);
    await t.approve(MODEL, version, requestId);
    await t.registry.openApproval(asking(version, 7));
    expect(await t.registry.getTransitionRequest(requestId)).toMatchObject({ status: 'open' });
    expect(await t.registry.decisions(requestId)).toMatchObject([{ counted: true }]);
  });

  it('is superseded all the same by a newer version that waits', async () => {
    const [older, newer] = [await t.stage(MODEL), await t.stage(MODEL)];
    await t.open(MODEL, newer);
    expect(await t.registry.openApproval(asking(older, 7))).toMatchObject({ outcome: 'superseded', by: newer });
    expect(await t.registry.getModelVersion(MODEL, older)).toMatchObject({ stage: 'Archived' });
  });

  it('finds its own gate again that opened before the champion changed', async () => {
    const [first, second] = [await t.stage(MODEL), await t.stage(MODEL)];
    const opened = await t.registry.openApproval(asking(second, null));
    await t.db.write((trx) =>
      trx('model_versions').where({ model: MODEL, version: first }).update({ stage: 'Production' }),
    );
    expect(await t.registry.openApproval(asking(second, null))).toEqual(opened);
  });
});
