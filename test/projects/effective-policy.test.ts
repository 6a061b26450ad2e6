import { describe, expect, it } from 'vitest';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { effectivePolicy, loosenedBy } from '../../projects/effective-policy.ts';
import { loadPolicy } from '../../projects/load-policy.ts';
import { failureOf, temporaryFolder, writeFiles } from './project-folder.ts';

const RULES = {
  compliance: { require: ['signature'], slices: { auc_at_least: 0.55 } },
  comparison: {},
  rollback: { by: ['governance', 'ml-lead'] },
  approval: { approvers: ['governance', 'ml-lead'] },
  tiers: {
    high: {
      compliance: { require: ['risk_tier'], slices: { auc_at_least: 0.65 } },
      approval: { quorum: { governance: 1, 'ml-lead': 1 }, proof: 'signature', separate_requester: true },
    },
  },
  models: { credit: 'high', flights: 'standard' },
};
const policy = policySchema.parse(RULES);

describe('effectivePolicy', () => {
  it('adds the rules of the tier that governance has confirmed', () => {
    const { policy: effective, riskTier } = effectivePolicy(policy, 'credit', 'high');
    expect(riskTier).toEqual({ tier: 'high', confirmed: true });
    expect(effective.compliance.require).toEqual(['signature', 'risk_tier']);
    expect(effective.compliance.slices?.auc_at_least).toBe(0.65);
    expect(effective.approval).toMatchObject({ quorum: { governance: 1, 'ml-lead': 1 }, proof: 'signature' });
    expect(effective.rollback.by).toEqual(['governance', 'ml-lead']);
  });

  it.each([
    ['a lower one named by the project changes nothing', 'credit', 'standard', 'high', false],
    ['a project that names none takes the confirmed one', 'credit', undefined, 'high', true],
    ['until it is confirmed, the one that the project names holds', 'new-model', 'high', 'high', false],
    ['a name that the policy does not know is standard', 'new-model', 'gigantic', 'standard', false],
    ['nothing said is standard', 'new-model', undefined, 'standard', false],
    ['standard can be confirmed too', 'flights', 'standard', 'standard', true],
    ['a name of every object is no model', 'constructor', undefined, 'standard', false],
  ])('%s', (_, model, named, tier, confirmed) => {
    expect(effectivePolicy(policy, model, named).riskTier).toEqual({ tier, confirmed });
  });
});

describe('a tier', () => {
  it('that loosens is refused, with the rule that it loosens', () => {
    const loose = policySchema.parse({
      ...RULES,
      tiers: { low: { compliance: { slices: { auc_at_least: 0.5 } } } },
      models: {},
    });
    const low = loose.tiers['low'];
    expect(low === undefined ? [] : loosenedBy(loose, low).map((field) => field.policy)).toEqual([
      'compliance.slices.auc_at_least',
    ]);
  });

  it.each([
    ['tiers: { low: { approval: { expires_after: 90d } } }', 'tiers.low.approval.expires_after'],
    ['tiers: { high: { approval: { quorum: { auditor: 1 } } } }', 'places for auditor in the quorum'],
    ['tiers: { standard: {} }', 'another name'],
    ['models: { flights: hgih }', 'models.flights: found "hgih"; expected one of standard'],
    ['freeze: [{ days: [satuday], reason: weekend }]', 'freeze'],
    ['freeze: [{ from: 2001-05-02T00:00:00Z, until: 2001-05-01T00:00:00Z, reason: holidays }]', 'freeze'],
  ])('or a mistake beside it is named: %s', async (line, expected) => {
    const yaml = `compliance: {}\ncomparison: {}\nrollback: { by: [governance] }\napproval: { approvers: [governance] }\n${line}\n`;
    const folder = writeFiles(temporaryFolder(), { 'prod.yaml': yaml });
    const failure = await failureOf(() => loadPolicy(folder, 'prod'));
    expect(failure.type).toBe('InvalidPolicy');
    expect(failure.message).toContain(expected);
  });
});
