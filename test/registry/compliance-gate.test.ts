import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPLIANCE_CHECKS } from '../../contracts/schemas/policy.ts';
import { checkCompliance, type ComplianceFacts } from '../../registry/compliance-gate.ts';

type Policy = Parameters<typeof checkCompliance>[1];
type Project = Parameters<typeof checkCompliance>[2];

const estimate = (value: number) => ({ value, lower: value - 0.02, upper: value + 0.02 });

const facts: ComplianceFacts = {
  model: 'delays',
  version: 3,
  projectFeatures: ['route.rate_7d', 'hour'],
  modelFeatures: ['route.rate_7d', 'hour'],
  parity: { maxDifference: 2e-7, rows: 5000 },
  lineage: { snapshot: 12, projectDigest: 'a'.repeat(64), datasetSha256: 'b'.repeat(64) },
  modelCard: true,
  commit: 'c'.repeat(40),
  clean: true,
  riskTier: { tier: 'standard', confirmed: true },
  tags: { owner: 'team' },
  overall: { slice: 'all rows', rows: 50_000, auc: estimate(0.72) },
  slices: [
    { slice: 'origin=ORD', rows: 4000, auc: estimate(0.7) },
    { slice: 'origin=LAX', rows: 1000, auc: estimate(0.6) },
    { slice: 'origin=HNL', rows: 999, auc: estimate(0.4) },
  ],
  asOf: '2001-05-01T00:00:00.000Z',
  newestTrainingRow: '2001-04-17T00:00:00.000Z',
};
const policy: Policy = {
  require: [...COMPLIANCE_CHECKS],
  tags: ['owner'],
  slices: { auc_at_least: 0.55 },
  max_data_age: '14d',
  allow_without_git: true,
};
const project: Project = { tags: [], slices: { by: 'origin', min_rows: 1000, auc_at_least: 0.6 } };

function failing(change: Partial<ComplianceFacts>, rules: Partial<Policy> = {}, own: Partial<Project> = {}): string[] {
  const result = checkCompliance({ ...facts, ...change }, { ...policy, ...rules }, { ...project, ...own });
  const names = result.checks.filter((check) => check.verdict === 'fail').map((check) => check.name);
  expect(result.verdict === 'fail').toBe(names.length > 0);
  for (const name of names) expect(result.summary).toContain(name);
  return names;
}

describe('checkCompliance', () => {
  it('leaves a slice to a person whose interval reaches the floor that its value does not', () => {
    const slices = [{ slice: 'origin=SJU', rows: 1156, auc: { value: 0.5913, lower: 0.54, upper: 0.64 } }];
    const result = checkCompliance({ ...facts, slices }, policy, project);
    expect(result.verdict).toBe('inconclusive');
    expect(result.checks.find((check) => check.name === 'slices')?.verdict).toBe('inconclusive');
    expect(result.summary).toContain('a person must judge: slices');
  });

  it('passes what meets every rule, and says what it looked at', () => {
    const result = checkCompliance(facts, policy, project);
    expect(result).toMatchObject({
      gate: 'compliance',
      verdict: 'pass',
      summary: 'delays version 3 passes all 10 checks.',
    });
    expect(result.checks.map((check) => check.name)).toEqual([
      ...['signature', 'parity', 'lineage', 'model_card', 'clean_commit', 'risk_tier'],
      ...['tag_owner', 'overall', 'slices', 'max_data_age'],
    ]);
    expect(result.checks[8]).toMatchObject({
      found: '2 slices, lowest origin=LAX 0.6000 (0.5800 to 0.6200, 1000 rows)',
    });
  });

  it.each<[string, Partial<ComplianceFacts>, string[]]>([
    ['features in another order', { modelFeatures: ['hour', 'route.rate_7d'] }, ['signature']],
    ['no features in the file', { modelFeatures: null }, ['signature']],
    ['a difference above 1e-5', { parity: { maxDifference: 1.1e-5, rows: 10 } }, ['parity']],
    ['a difference of NaN', { parity: { maxDifference: Number.NaN, rows: 10 } }, ['parity']],
    ['parity over no rows', { parity: { maxDifference: 0, rows: 0 } }, ['parity']],
    ['no parity', { parity: null }, ['parity']],
    ['no snapshot', { lineage: { ...facts.lineage, snapshot: null } }, ['lineage']],
    ['no dataset', { lineage: { ...facts.lineage, datasetSha256: null } }, ['lineage']],
    ['no card', { modelCard: false }, ['model_card']],
    ['a dirty folder', { clean: false }, ['clean_commit']],
    ['an unconfirmed tier', { riskTier: { tier: 'high', confirmed: false } }, ['risk_tier']],
    ['a commit of unknown cleanness', { clean: null }, ['clean_commit']],
    ['an empty tag', { tags: { owner: ' ' } }, ['tag_owner']],
    ['a bad model', { overall: { slice: 'all', rows: 5, auc: estimate(0.59) } }, ['overall']],
    ['no evaluation', { overall: null }, ['overall']],
    ['a bad slice', { slices: [{ slice: 'o=A', rows: 1000, auc: estimate(0.579) }] }, ['slices']],
    ['a large slice without an AUC', { slices: [{ slice: 'o=A', rows: 1000, auc: null }] }, ['slices']],
    ['old data', { newestTrainingRow: '2001-04-16T23:59:59.000Z' }, ['max_data_age']],
    ['no data', { newestTrainingRow: null }, ['max_data_age']],
  ])('refuses %s', (_what, change, expected) => {
    expect(failing(change)).toEqual(expected);
  });

  it('takes a digest for a commit where there is no git, if the policy lets it', () => {
    expect(failing({ commit: null, clean: null })).toEqual([]);
    expect(failing({ commit: null, clean: null }, { allow_without_git: false })).toEqual(['clean_commit']);
  });

  it('asks for what policy and project ask for, and no more', () => {
    const bare = { require: [], tags: [], allow_without_git: true };
    expect(checkCompliance(facts, bare, { tags: ['risk'] }).checks.map((check) => check.name)).toEqual(['tag_risk']);
    expect(checkCompliance({ ...facts, modelCard: false, clean: false }, bare, { tags: [] }).verdict).toBe('pass');
  });

  it('applies the higher of the two floors, whichever side it is on', () => {
    const quality = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(quality, quality, quality, (auc, ofPolicy, ofProject) => {
        const slices = [{ slice: 'o=A', rows: 1000, auc: estimate(auc) }];
        const names = failing(
          { slices, overall: { slice: 'all', rows: 1000, auc: estimate(auc) } },
          { slices: { auc_at_least: ofPolicy } },
          { slices: { by: 'o', min_rows: 1000, auc_at_least: ofProject } },
        );
        const floor = Math.max(ofPolicy, ofProject);
        expect(names.includes('overall')).toBe(auc < floor);
        expect(names.includes('slices')).toBe(estimate(auc).upper < floor);
      }),
    );
  });
});
