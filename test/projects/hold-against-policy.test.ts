import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policySchema, type Policy } from '../../contracts/schemas/policy.ts';
import type { ProjectDefinition } from '../../contracts/schemas/project.ts';
import { holdAgainstPolicy } from '../../projects/hold-against-policy.ts';
import { loadProject } from '../../projects/load-project.ts';
import { atLeastAsTight, type Direction } from '../../projects/policy-directions.ts';
import { failureOf, projectFolder } from './project-folder.ts';

const policy: Policy = policySchema.parse({
  compliance: { require: ['signature'], tags: ['owner'], slices: { auc_at_least: 0.55, min_rows_at_most: 1000 } },
  comparison: { margin_at_least: 0 },
  rollback: { by: ['ml-lead'] },
  approval: { approvers: ['governance'] },
});

async function definitionWith(edit: (yaml: string) => string = (yaml) => yaml): Promise<ProjectDefinition> {
  return (await loadProject(projectFolder(edit))).definition;
}

describe('holdAgainstPolicy', () => {
  it('gives the policy, tightened by the project', async () => {
    const definition = await definitionWith((y) => y.replace('{ by: kiosk,', '{ by: kiosk, min_rows: 500,'));
    const tagged = {
      ...definition,
      gates: { ...definition.gates, compliance: { ...definition.gates.compliance, tags: ['purpose', 'owner'] } },
    };
    expect(holdAgainstPolicy(tagged, policy)).toEqual({
      compliance: {
        require: ['signature'],
        tags: ['owner', 'purpose'],
        slices: { by: 'kiosk', minRows: 500, aucAtLeast: 0.6 },
        maxDataAge: null,
        allowWithoutGit: true,
      },
      comparison: {
        metric: 'auc',
        margin: 0.002,
        confidence: 0.95,
        block: 'day',
        baselineSql: 'training/baseline.sql',
      },
      approval: {
        approvers: ['governance'],
        quorum: 1,
        proof: 'claimed',
        evidenceDigest: 'required',
        expiresAfter: '48h',
      },
      rollback: { by: ['ml-lead'] },
    });
  });

  it('lets a project go without slices where the policy asks for none', async () => {
    const definition = await definitionWith((y) => y.replace(/ {2}compliance: .*\n/, ''));
    const lax = { ...policy, compliance: { ...policy.compliance, slices: undefined } } as Policy;
    expect(holdAgainstPolicy(definition, lax).compliance.slices).toBeNull();
  });

  it.each<[string, (yaml: string) => string, string]>([
    [
      'a smaller margin',
      (y) => y.replace('margin: 0.002', 'margin: -0.001'),
      'project.yaml: gates.comparison.margin: found -0.001; expected at least 0, since policies/prod.yaml says comparison.margin_at_least: 0 and a project may only tighten it (higher tightens)',
    ],
    [
      'a lower floor',
      (y) => y.replace('auc_at_least: 0.6', 'auc_at_least: 0.5'),
      'project.yaml: gates.compliance.slices.auc_at_least: found 0.5; expected at least 0.55, since policies/prod.yaml says compliance.slices.auc_at_least: 0.55 and a project may only tighten it (higher tightens)',
    ],
    [
      'slices so large that none counts',
      (y) => y.replace('{ by: kiosk,', '{ by: kiosk, min_rows: 1000000,'),
      'project.yaml: gates.compliance.slices.min_rows: found 1000000; expected at most 1000, since policies/prod.yaml says compliance.slices.min_rows_at_most: 1000 and a project may only tighten it (lower tightens)',
    ],
    [
      'no slices',
      (y) => y.replace(/ {2}compliance: .*\n/, ''),
      'project.yaml: gates.compliance.slices.auc_at_least: found nothing; expected at least 0.55, since policies/prod.yaml says compliance.slices.auc_at_least: 0.55 and a project may only tighten it (higher tightens)',
    ],
  ])('refuses %s', async (_, edit, message) => {
    const definition = await definitionWith(edit);
    const names = { project: 'project.yaml', policy: 'policies/prod.yaml' };
    const failure = await failureOf(() => holdAgainstPolicy(definition, policy, names));
    expect(failure.type).toBe('InvalidProject');
    expect(failure.message).toBe(message);
  });

  it('lists all that is loosened', async () => {
    const definition = await definitionWith((y) => y.replace('0.6', '0.5').replace('0.002', '-0.5'));
    const failure = await failureOf(() => holdAgainstPolicy(definition, policy));
    expect(failure.message.split('\n')).toHaveLength(2);
    expect(failure.details['loosened']).toHaveLength(2);
  });
});

describe('atLeastAsTight', () => {
  const durations = fc.integer({ min: 1, max: 999 }).map((n) => `${n}h`);
  const lists = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
  const ladder = { ladder: ['optional', 'required'] };
  const cases: [Direction, fc.Arbitrary<unknown>][] = [
    ['higher', fc.integer()],
    ['lower', fc.integer()],
    ['shorter', durations],
    ['more', lists],
    ['fewer', lists],
    [ladder, fc.constantFrom('optional', 'required')],
  ];

  it.each(cases)('orders %j: reflexive, transitive, and nothing is loosest', (direction, values) => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        expect(atLeastAsTight(direction, a, a)).toBe(true);
        if (atLeastAsTight(direction, a, b) && atLeastAsTight(direction, b, c)) {
          expect(atLeastAsTight(direction, a, c)).toBe(true);
        }
        expect(atLeastAsTight(direction, a, undefined)).toBe(true);
        expect(atLeastAsTight(direction, undefined, a)).toBe(false);
      }),
    );
  });

  it.each<[Direction, unknown, unknown]>([
    ['higher', 2, 1],
    ['lower', 1, 2],
    ['shorter', '90m', '2h'],
    ['more', ['a', 'b'], ['a']],
    ['fewer', ['a'], ['a', 'b']],
    [ladder, 'required', 'optional'],
  ])('%j: %j is tighter than %j', (direction, tight, loose) => {
    expect(atLeastAsTight(direction, tight, loose)).toBe(true);
    expect(atLeastAsTight(direction, loose, tight)).toBe(false);
  });

  it('lets nothing but the same value stand where a field is fixed', () => {
    expect(atLeastAsTight('fixed', 'day', 'day')).toBe(true);
    expect(atLeastAsTight('fixed', 'week', 'day')).toBe(false);
  });
});
