import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { reportProduction } from '../../registry/audit/production-report.ts';
import type { Caller } from '../../registry/identity/caller.ts';
import { createIdentity, type Identity } from '../../registry/identity/identity.ts';
import { createCaller } from '../../registry/identity/rights.ts';
import { createRegistry } from '../../registry/registry.ts';
import type { RollBackInput } from '../../registry/rollback.ts';
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

describe('rollBack where the policy wants to know who decides', () => {
  const ADMIN = { name: 'admin', proof: 'token' } as const;
  const ALLOWED = ['governance', 'ml-lead'];
  const OFFICER = createCaller({ name: 'officer', proof: 'token', roles: ['ml-lead'] });

  let identity: Identity;
  beforeEach(async () => {
    const rules = { approval: { approvers: ['governance'] }, rollback: { by: ALLOWED } };
    const policy = policySchema.parse({ compliance: {}, comparison: {}, ...rules });
    const now = (): Date => new Date('2001-03-01T00:30:00Z');
    identity = createIdentity({ db: t.db, now, policy: async () => policy });
    await identity.addPrincipal({ name: 'officer', kind: 'user', by: ADMIN });
    await identity.grantRole({ principal: 'officer', role: 'ml-lead', by: ADMIN });
    for (let i = 1; i <= 2; i++) await t.promoteNew(MODEL);
  });

  const ask = (caller: Caller = OFFICER, model = MODEL) =>
    t.registry.askRollback({ model, reason: 'late on snow', allowed: ALLOWED }, caller);
  /** What a workflow does that anybody may have started. */
  const carryOut = (said: Partial<RollBackInput> = {}, registry = t.registry) =>
    registry.rollBack({
      ...{ naturalKey: `w${(keys += 1)}`, model: MODEL, reason: 'whatever the input says', requestedBy: 'officer' },
      ...{ allowed: ALLOWED, proof: 'token', workflowId: 'roll-back-model/delays/1', ...said },
    });
  const inProduction = async () => (await t.registry.productionVersion(MODEL))?.version;

  async function refuses(said: Partial<RollBackInput>, why: string, registry = t.registry): Promise<void> {
    const before = (await t.registry.activityLog(MODEL)).length;
    const refused = { type: 'NotAuthorized', message: expect.stringContaining(why) as string };
    await expect(carryOut(said, registry), why).rejects.toMatchObject(refused);
    expect(await inProduction(), why).toBe(2);
    expect(await t.registry.activityLog(MODEL), why).toHaveLength(before);
  }

  it.each(['token', 'signature'] as const)('takes no name for proof (%s), and says how to ask', async (proof) => {
    const told = `approval.proof: ${proof}`;
    await refuses({ requestedBy: 'governance', proof }, told);
    await refuses({ requestedBy: 'officer', proof }, told);
    await refuses({ proof }, 'npm run registry -- roll-back --model delays');
    await refuses({ proof }, '"Authorization: Bearer $MLFLOW_TRACKING_TOKEN"');
    await refuses({ proof }, '"$MLFLOW_TRACKING_URI/api/2.0/superstep/models/delays/roll-back"');
  });

  it.each(['claimed', 'token', 'signature'] as const)(
    'rolls back for who asked, with the proof (%s)',
    async (proof) => {
      const asked = await ask();
      expect(await carryOut({ ask: asked, proof })).toMatchObject({ outcome: 'rolled-back', from: 2, to: 1 });
      const log = await t.registry.activityLog(MODEL);
      const by = { by: 'officer', proof: 'token' };
      expect(log.find(({ action }) => action === 'ASKED_ROLLBACK')).toMatchObject({
        ...{ ...by, version: 2, comment: 'late on snow', details: { id: asked, roles: ['ml-lead'] } },
      });
      expect(log.slice(-2)).toMatchObject([
        { ...by, version: 2, action: 'ROLLED_BACK', toStage: 'Archived', details: { ask: asked } },
        { ...by, version: 1, action: 'ROLLED_BACK', toStage: 'Production', comment: 'late on snow' },
      ]);
      const end = '2001-03-02T00:00:00.000Z';
      expect(await reportProduction(t.registry, MODEL, end, new Date(end))).toMatchObject({
        ...{ version: 1, enteredThrough: 'rollback', reason: 'late on snow' },
        decidedBy: [{ name: 'officer', proof: 'token', comment: 'late on snow' }],
      });
    },
  );

  it('answers an asking that comes again with what was done, and does nothing twice', async () => {
    await t.promoteNew(MODEL);
    const asked = await ask();
    const first = await carryOut({ ask: asked });
    expect(first).toMatchObject({ outcome: 'rolled-back', from: 3, to: 2 });
    const acts = (await t.registry.activityLog(MODEL)).length;
    expect(await carryOut({ ask: asked })).toEqual(first);
    await identity.disable({ principal: 'officer', reason: 'changed jobs', by: ADMIN });
    expect(await carryOut({ ask: asked, reason: 'once more' })).toEqual(first);
    expect(await inProduction()).toBe(2);
    expect(await t.registry.activityLog(MODEL)).toHaveLength(acts);
  });

  it('knows askings by their id, their model and who asked', async () => {
    const asked = await ask();
    await refuses({ ask: 'f'.repeat(32) }, `nobody has asked for a rollback of delays under the id ${'f'.repeat(32)}`);
    await refuses({ ask: asked, requestedBy: 'governance' }, `${asked} was asked for by officer`);
    for (let i = 1; i <= 2; i++) await t.promoteNew('fares');
    await refuses({ ask: await ask(OFFICER, 'fares') }, 'nobody has asked for a rollback of delays');
    const elsewhere = { ask: asked, model: 'fares' };
    await expect(carryOut(elsewhere)).rejects.toMatchObject({ type: 'NotAuthorized' });
    expect(await t.registry.productionVersion('fares')).toMatchObject({ version: 2 });
  });

  it('lets an asking hold for an hour', async () => {
    const asked = await ask();
    const [at = ''] = (await t.registry.activityLog(MODEL))
      .filter((a) => a.action === 'ASKED_ROLLBACK')
      .map((a) => a.at);
    const after = (ms: number) =>
      createRegistry({ db: t.db, artifacts: t.artifacts, now: () => new Date(Date.parse(at) + ms) });
    await refuses({ ask: asked }, `officer asked on ${at}, which is longer than 60 minutes ago`, after(3_600_001));
    expect(await carryOut({ ask: asked }, after(3_600_000))).toMatchObject({ outcome: 'rolled-back' });
  });

  it('leaves what came into Production after the asking, the same version too', async () => {
    const stale = await ask();
    const unused = await ask();
    expect(await carryOut({ ask: stale })).toMatchObject({ from: 2, to: 1 });
    expect(await carryOut({ ask: unused })).toEqual({ outcome: 'nothing-to-roll-back-to' });
    const earlier = await ask();
    await repromote(2);
    expect(await carryOut({ ask: earlier })).toEqual({ outcome: 'nothing-to-roll-back-to' });
    const ofThisStay = await ask();
    await t.registry.rollBack({ ...{ naturalKey: 'k', model: MODEL, reason: 'r' }, requestedBy: 'x', allowed: ['x'] });
    await repromote(2);
    expect(await carryOut({ ask: ofThisStay })).toEqual({ outcome: 'nothing-to-roll-back-to' });
    expect(await inProduction()).toBe(2);
  });

  it('forgets an asking whose author left, or lost the role', async () => {
    const asked = await ask();
    await identity.revokeRole({ principal: 'officer', role: 'ml-lead', by: ADMIN });
    await refuses({ ask: asked }, 'officer, who asked, has the roles (none) for delays by now');
    await identity.grantRole({ principal: 'officer', role: 'governance', model: 'fares', by: ADMIN });
    await refuses({ ask: asked }, 'none of governance, ml-lead');
    await identity.disable({ principal: 'officer', reason: 'changed jobs', by: ADMIN });
    await refuses({ ask: asked }, 'left on 2001-03-01T00:30:00.000Z (changed jobs)');
  });

  it('judges by the roles that the policy of the moment lets roll back', async () => {
    await refuses({ ask: await ask(), allowed: ['governance'] }, 'has the roles ml-lead for delays by now');
  });

  it('believes the groups of a provider, but not a role that was taken away since', async () => {
    const issuer = 'https://login.example.com';
    const fromProvider = createCaller({ name: 'guest', proof: 'oidc', roles: ['viewer', 'governance'] });
    await identity.addPrincipal({ name: 'guest', kind: 'user', issuer, by: ADMIN });
    await identity.grantRole({ principal: 'guest', role: 'governance', by: ADMIN });
    const asked = await ask(fromProvider);
    await identity.revokeRole({ principal: 'guest', role: 'governance', by: ADMIN });
    await refuses({ ask: asked, requestedBy: 'guest' }, 'guest, who asked, has the roles viewer for delays by now');
    await identity.addPrincipal({ name: 'other', kind: 'user', issuer, by: ADMIN });
    const byToken = await ask(createCaller({ name: 'other', proof: 'token', roles: ['governance'] }));
    await refuses({ ask: byToken, requestedBy: 'other' }, 'other, who asked, has the roles (none)');
    const asOther = await ask(createCaller({ name: 'other', proof: 'oidc', roles: ['governance'] }));
    expect(await carryOut({ ask: asOther, requestedBy: 'other' })).toMatchObject({ from: 2, to: 1 });
  });
});

describe('askRollback', () => {
  const input = { model: MODEL, reason: 'late on snow', allowed: ['ml-lead'] };
  const as = (proof: Caller['proof'], ...roles: string[]) => createCaller({ name: 'somebody', proof, roles });

  it('is for who has shown who it is, and holds a role that may', async () => {
    await t.promoteNew(MODEL);
    for (const proof of ['anonymous', 'claimed'] as const) {
      await expect(t.registry.askRollback(input, as(proof, 'ml-lead'))).rejects.toMatchObject({
        type: 'NotAuthenticated',
      });
    }
    await expect(t.registry.askRollback(input, as('token', 'admin'))).rejects.toMatchObject({
      type: 'NotAuthorized',
      message: expect.stringContaining('somebody has admin; ask') as string,
    });
    const forOther = createCaller({
      ...{ name: 'x', proof: 'token', roles: [] },
      modelRoles: [{ role: 'ml-lead', model: 'fares' }],
    });
    await expect(t.registry.askRollback(input, forOther)).rejects.toMatchObject({ type: 'NotAuthorized' });
    expect((await t.registry.activityLog(MODEL)).filter((a) => a.action === 'ASKED_ROLLBACK')).toEqual([]);
  });

  it('is about what is in Production', async () => {
    await expect(t.registry.askRollback(input, as('token', 'ml-lead'))).rejects.toMatchObject({ type: 'UnknownModel' });
    await t.register(MODEL);
    await expect(t.registry.askRollback(input, as('token', 'ml-lead'))).rejects.toMatchObject({
      type: 'UnknownResource',
    });
  });
});
