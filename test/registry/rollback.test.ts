import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestRegistry, passed, type TestRegistry, takesNames } from './open-test-registry.ts';

const MODEL = 'delays';

let t: TestRegistry;
let keys = 0;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

const rollBack = (naturalKey = `b${(keys += 1)}`, requestedBy = 'ml-lead') =>
  t.registry.rollBack({ naturalKey, model: MODEL, reason: 'late on snow', requestedBy, allowed: ['ml-lead'] });

async function repromote(version: number): Promise<void> {
  await t.registry.recordGate({ ...passed(MODEL, version), naturalKey: `again/${(keys += 1)}` });
  const expectedChampion = (await t.registry.productionVersion(MODEL))?.version ?? null;
  const { requestId, digest: evidenceDigest } = await t.open(MODEL, version, (keys += 1));
  await t.approve(MODEL, version, requestId);
  const named = {
    naturalKey: `promote/${requestId}`,
    model: MODEL,
    version,
    requestId,
    workflowId: 'w',
    rules: takesNames(),
  };
  await t.registry.promote({ ...named, evidenceDigest, expectedChampion });
}

describe('rollBack', () => {
  it('goes back to the last version that was not itself rolled back from, once per key', async () => {
    for (let i = 1; i <= 3; i++) await t.promoteNew(MODEL);
    const first = await rollBack('a');
    expect(first).toEqual({ outcome: 'rolled-back', from: 3, to: 2, cancelled: [] });
    expect(await rollBack('a')).toEqual(first);
    expect(await rollBack('b')).toMatchObject({ from: 2, to: 1 });
    expect(await rollBack('c')).toEqual({ outcome: 'nothing-to-roll-back-to' });
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version: 1 });
    expect(await t.registry.getModelVersion(MODEL, 3)).toMatchObject({
      stage: 'Archived',
      tags: { 'archived.reason': 'rolled-back' },
    });
    expect((await t.registry.activityLog(MODEL)).slice(-2)).toMatchObject([
      { version: 2, action: 'ROLLED_BACK', toStage: 'Archived', by: 'ml-lead' },
      { version: 1, action: 'ROLLED_BACK', fromStage: 'Archived', toStage: 'Production' },
    ]);
    const now = await t.registry.productionAt(MODEL, '2030-01-01T00:00:00Z');
    expect(now).toMatchObject({
      version: 1,
      enteredThrough: 'rollback',
      decidedBy: ['ml-lead'],
      reason: 'late on snow',
    });
  });

  it('passes over what was rolled back from, until it has come through the gates again', async () => {
    for (let i = 1; i <= 2; i++) await t.promoteNew(MODEL);
    await rollBack();
    await t.promoteNew(MODEL);
    expect(await rollBack()).toMatchObject({ from: 3, to: 1 });
    await repromote(2);
    await t.promoteNew(MODEL);
    expect(await rollBack()).toMatchObject({ from: 4, to: 2 });
  });

  it('finds a repeated request of the past, whatever has been promoted since', async () => {
    await t.promoteNew(MODEL);
    expect(await rollBack('early')).toEqual({ outcome: 'nothing-to-roll-back-to' });
    await t.promoteNew(MODEL);
    expect(await rollBack('early')).toEqual({ outcome: 'nothing-to-roll-back-to' });
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version: 2 });
  });

  it('closes the gate of a version that goes to Production this way, and tells whom to wake', async () => {
    for (let i = 1; i <= 2; i++) await t.promoteNew(MODEL);
    await t.registry.recordGate({ ...passed(MODEL, 1), naturalKey: 'again' });
    const { requestId } = await t.open(MODEL, 1, 2);
    const workflowId = `promote-model/${MODEL}/1`;
    expect(await rollBack()).toMatchObject({ from: 2, to: 1, cancelled: [{ version: 1, workflowId }] });
    expect(await t.registry.getTransitionRequest(requestId)).toMatchObject({ status: 'cancelled' });
    expect(await t.registry.openApprovals(MODEL)).toEqual([]);
  });

  it('is for those whom the policy names, and for models that are there', async () => {
    for (let i = 1; i <= 2; i++) await t.promoteNew(MODEL);
    await expect(rollBack('x', 'intern')).rejects.toMatchObject({
      type: 'NotAuthorized',
      message: '"intern" may not roll back delays; the policy lets ml-lead do it',
    });
    const elsewhere = { naturalKey: 'y', model: 'fares', reason: 'r', requestedBy: 'ml-lead', allowed: ['ml-lead'] };
    await expect(t.registry.rollBack(elsewhere)).rejects.toMatchObject({ type: 'UnknownModel' });
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version: 2 });
  });
});
