import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPromotionActivities } from '../../activities/promotion-activities.ts';
import type { PromotionDependencies } from '../../activities/promotion-dependencies.ts';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { createIdentity } from '../../registry/identity/identity.ts';
import { createCaller } from '../../registry/identity/rights.ts';
import { PROJECT_YAML, writeFiles } from '../projects/project-folder.ts';
import { openTestRegistry, takesNames, type TestRegistry } from '../registry/open-test-registry.ts';
import { MODEL, orderPolicy, promotionDependencies, stageTrained } from './trained-version.ts';

const CLAIMED = '{ approvers: [governance], proof: claimed }';
const BY = { name: 'admin', proof: 'token' } as const;

let t: TestRegistry;
let deps: PromotionDependencies;
beforeEach(async () => {
  t = await openTestRegistry();
  deps = await promotionDependencies(t, CLAIMED);
});
afterEach(() => t.close());

async function promoteTrained(): Promise<void> {
  const version = await stageTrained(t, deps);
  const expectedChampion = (await t.registry.productionVersion(MODEL))?.version ?? null;
  const { requestId, digest: evidenceDigest } = await t.open(MODEL, version);
  await t.approve(MODEL, version, requestId);
  const named = { naturalKey: `promote/${requestId}`, model: MODEL, version, requestId, workflowId: 'w' };
  await t.registry.promote({ ...named, evidenceDigest, expectedChampion, rules: takesNames() });
}

/** What the workflow of a person does who can start workflows. */
const rollBack = (input: Readonly<Record<string, string>>) =>
  createPromotionActivities(deps).rollBackVersion({
    input: { model: MODEL, reason: 'late on snow', ...input },
    ...{ workflowId: `roll-back-model/${MODEL}/1`, runId: 'run' },
  });
const ask = (name = 'lead') =>
  t.registry.askRollback(
    { model: MODEL, reason: 'late on snow', allowed: ['ml-lead'] },
    createCaller({ name, proof: 'token', roles: ['ml-lead'] }),
  );
const BACK = { outcome: 'rolled-back', model: MODEL, from: 2, to: 1 };
const NEEDS_PROOF = { type: 'NotAuthorized', message: expect.stringContaining('takes no name for proof') as string };

describe('rollBackVersion', () => {
  beforeEach(async () => {
    for (let i = 1; i <= 2; i++) await promoteTrained();
    const policy = policySchema.parse({
      ...{ compliance: {}, comparison: {}, approval: { approvers: ['governance'] }, rollback: { by: ['ml-lead'] } },
    });
    const now = (): Date => new Date('2001-03-01T00:00:00Z');
    const identity = createIdentity({ db: t.db, now, policy: async () => policy });
    await identity.addPrincipal({ name: 'lead', kind: 'user', by: BY });
    await identity.grantRole({ principal: 'lead', role: 'ml-lead', by: BY });
  });

  it('takes a role’s name where the policy does', async () => {
    expect(await rollBack({ requestedBy: 'ml-lead' })).toMatchObject(BACK);
  });

  it('asks for proof as the policy of today does, whichever was in force when the versions came', async () => {
    for (const proof of ['token', 'signature']) {
      orderPolicy(t, `{ approvers: [governance], proof: ${proof} }`);
      await expect(rollBack({ requestedBy: 'ml-lead' })).rejects.toMatchObject(NEEDS_PROOF);
    }
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version: 2 });
    expect(await rollBack({ requestedBy: 'lead', ask: await ask() })).toMatchObject(BACK);
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version: 1 });
  });

  /** The policy of the day with a stricter tier, which has other roles for a rollback. */
  const orderTier = (ofModel = ''): void => {
    const tiers = 'tiers: { high: { approval: { proof: token }, rollback: { by: [governance] } } }';
    const rules = `compliance: {}\ncomparison: {}\napproval: ${CLAIMED}\nrollback: { by: [governance, ml-lead] }`;
    writeFiles(t.folder, { 'policies/prod.yaml': `${rules}\n${tiers}\n${ofModel}` });
  };
  const ofTier = { message: expect.stringContaining('none of governance.') as string };

  it('asks for what the confirmed risk tier of the model asks for', async () => {
    orderTier(`models: { ${MODEL}: high }\n`);
    await expect(rollBack({ requestedBy: 'ml-lead' })).rejects.toMatchObject(NEEDS_PROOF);
    await expect(rollBack({ requestedBy: 'lead', ask: await ask() })).rejects.toMatchObject(ofTier);
    orderTier(`models: { ${MODEL}: standard }\n`);
    expect(await rollBack({ requestedBy: 'ml-lead' })).toMatchObject(BACK);
  });

  it('or for what the tier asks for that the project of what serves names, while governance has confirmed none', async () => {
    writeFiles(t.folder, { [`projects/${MODEL}/project.yaml`]: `${PROJECT_YAML}risk_tier: high\n` });
    await promoteTrained();
    orderTier();
    await expect(rollBack({ requestedBy: 'ml-lead' })).rejects.toMatchObject(NEEDS_PROOF);
    await expect(rollBack({ requestedBy: 'lead', ask: await ask() })).rejects.toMatchObject(ofTier);
    orderTier(`models: { ${MODEL}: standard }\n`);
    expect(await rollBack({ requestedBy: 'ml-lead' })).toMatchObject({ ...BACK, from: 3, to: 2 });
  });

  it('refuses an id that is none before anything is asked', async () => {
    await expect(rollBack({ requestedBy: 'lead', ask: 'mine' })).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('npm run registry -- roll-back') as string,
    });
  });
});
