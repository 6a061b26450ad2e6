import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, openTestRegistry, type TestRegistry, takesNames } from './open-test-registry.ts';
import { duplicateCode } from './test-database.ts';

const MODEL = 'delays';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

async function candidate(round = 1) {
  const expectedChampion = (await t.registry.productionVersion(MODEL))?.version ?? null;
  const version = await t.stage(MODEL);
  const { requestId, digest } = await t.open(MODEL, version, round);
  const workflowId = `promote-model/${MODEL}/${version}`;
  const named = { naturalKey: `promote/${requestId}`, model: MODEL, version, requestId, workflowId };
  return { ...named, evidenceDigest: digest, expectedChampion, rules: takesNames() };
}

const stages = async (): Promise<string[]> => (await t.registry.modelVersions(MODEL)).map((v) => v.stage);

describe('promote', () => {
  it('moves the new version in and the old one out, and can tell who decided what on which evidence', async () => {
    const old = await t.promoteNew(MODEL);
    const input = await candidate();
    await t.approve(MODEL, input.version, input.requestId, 'ml-lead');
    const result = await t.registry.promote(input);
    expect(result).toMatchObject({ outcome: 'promoted', previous: old, steps: [{ status: 'done' }, {}, {}, {}] });
    expect(await t.registry.promote(input)).toEqual(result);
    expect(await stages()).toEqual(['Archived', 'Production']);
    expect(await t.registry.getModelVersion(MODEL, old)).toMatchObject({ tags: { 'archived.reason': 'replaced' } });
    const [first, second] = await t.registry.productionHistory(MODEL);
    expect(second).toMatchObject({
      version: input.version,
      decidedBy: ['ml-lead'],
      evidenceDigest: input.evidenceDigest,
      requestId: input.requestId,
    });
    const at = second?.enteredAt ?? '';
    expect(await t.registry.productionAt(MODEL, at)).toEqual(second);
    expect(await t.registry.productionAt(MODEL, new Date(Date.parse(at) - 1).toISOString())).toEqual(first);
    expect(await t.registry.productionAt(MODEL, '1999-01-01T00:00:00Z')).toBeUndefined();
    expect((await t.registry.activityLog(MODEL)).slice(-3)).toMatchObject([
      { version: old, fromStage: 'Production', toStage: 'Archived', by: 'ml-lead' },
      { version: input.version, action: 'APPROVED_REQUEST' },
      { version: input.version, action: 'APPLIED_TRANSITION', evidenceDigest: input.evidenceDigest },
    ]);
  });

  it('promotes the file that was judged, not another one that has its name by now', async () => {
    const input = await candidate();
    await t.approve(MODEL, input.version, input.requestId);
    const { onnx } = await t.registry.getModelVersion(MODEL, input.version);
    const judging = (modelDigest: string) => ({ ...takesNames(), ground: { ...takesNames().ground, modelDigest } });
    await expect(t.registry.promote({ ...input, rules: judging(digestOf('judged')) })).rejects.toMatchObject({
      type: 'StaleDecision',
      message: expect.stringContaining('another model has the name now') as string,
    });
    expect(await stages()).toEqual(['Staging']);
    const promoted = await t.registry.promote({ ...input, rules: judging(onnx?.sha256 ?? '') });
    expect(promoted).toMatchObject({ outcome: 'promoted' });
  });

  it('wants as many approvers as the policy says, each counted once', async () => {
    const input = { ...(await candidate()), rules: takesNames(2) };
    const refused = { type: 'NotAuthorized', message: expect.stringContaining('needs 2 approvers') as string };
    await expect(t.registry.promote(input)).rejects.toMatchObject(refused);
    await t.approve(MODEL, input.version, input.requestId, 'ml-lead');
    await t.approve(MODEL, input.version, input.requestId, 'ml-lead');
    await expect(t.registry.promote(input)).rejects.toMatchObject(refused);
    await expect(t.registry.promote({ ...input, rules: takesNames(0), naturalKey: 'zero' })).resolves.toMatchObject({
      outcome: 'promoted',
    });
  });

  it('lets nothing in unapproved, whatever the quorum, and nothing that was rejected', async () => {
    const input = await candidate();
    await expect(t.registry.promote({ ...input, rules: takesNames(0) })).rejects.toMatchObject({
      type: 'NotAuthorized',
    });
    await t.approve(MODEL, input.version, input.requestId);
    const { version, requestId } = input;
    const no = { decision: 'reject', comment: 'no', evidence: '', counted: true, receivedVia: 'signal' as const };
    await t.registry.recordDecision({ naturalKey: 'no', model: MODEL, version, requestId, approver: 'ml-lead', ...no });
    await expect(t.registry.promote(input)).rejects.toThrow('was rejected by ml-lead');
    expect(await stages()).toEqual(['Staging']);
  });

  it('takes an approval for the evidence that it names, and for nothing else', async () => {
    const input = await candidate();
    await t.approve(MODEL, input.version, input.requestId);
    for (const other of [{ evidenceDigest: digestOf('other') }, { expectedChampion: 7 }]) {
      await expect(t.registry.promote({ ...input, ...other })).rejects.toMatchObject({ type: 'StaleDecision' });
    }
    await t.open(MODEL, input.version, 2);
    await expect(t.registry.promote(input)).rejects.toMatchObject({
      type: 'StaleDecision',
      details: { status: 'cancelled' },
    });
  });

  it('changes nothing when the champion is another one by now', async () => {
    const [first, second] = [await t.promoteNew(MODEL), await t.promoteNew(MODEL)];
    const input = await candidate();
    await t.approve(MODEL, input.version, input.requestId);
    const back = { naturalKey: 'b', model: MODEL, reason: 'bad', requestedBy: 'ml-lead', allowed: ['ml-lead'] };
    expect(await t.registry.rollBack(back)).toMatchObject({ from: second, to: first });
    expect(await t.registry.promote(input)).toEqual({ outcome: 'champion-changed', champion: first });
    expect(await stages()).toEqual(['Production', 'Archived', 'Staging']);
    const compared = await t.open(MODEL, input.version, 2);
    await t.approve(MODEL, input.version, compared.requestId);
    const { requestId, digest: evidenceDigest } = compared;
    const again = { ...input, naturalKey: `promote/${requestId}`, requestId, evidenceDigest, expectedChampion: first };
    expect(await t.registry.promote(again)).toMatchObject({ outcome: 'promoted', previous: first });
  });

  it('says that a newer version has superseded this one', async () => {
    const input = await candidate();
    await t.approve(MODEL, input.version, input.requestId);
    await candidate();
    expect(await t.registry.promote(input)).toEqual({ outcome: 'superseded' });
  });
});

describe('the database itself', () => {
  it('has no room for a second Production, nor for a second open gate', async () => {
    const inProduction = await t.promoteNew(MODEL);
    const { version } = await candidate();
    const enter = t.db.write((trx) => trx('model_versions').where({ model: MODEL }).update({ stage: 'Production' }));
    await expect(enter).rejects.toMatchObject({ code: duplicateCode() });
    const copy = { id: 'x', natural_key: 'x', model: MODEL, version: inProduction, to_stage: 'Production' };
    const open = { ...copy, status: 'open', requested_by: 'x', created_at: 'x' };
    await expect(t.db.write((trx) => trx('transition_requests').insert(open))).rejects.toMatchObject({
      code: duplicateCode(),
    });
    expect(await stages()).toEqual(['Production', 'Staging']);
    expect(version).toBe(2);
  });
});
