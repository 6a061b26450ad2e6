import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENTS } from '../../contracts/environments.ts';
import { loadPolicy } from '../../projects/load-policy.ts';
import { atLeastAsTight, fieldAt, POLICY_FIELDS } from '../../projects/policy-directions.ts';
import { failureOf, temporaryFolder, writeFiles } from './project-folder.ts';

const POLICIES = fileURLToPath(new URL('../../policies/', import.meta.url));

const POLICY_YAML = `compliance: { require: [signature, parity], tags: [owner] }
comparison: { confidence: 0.95 }
rollback: { by: [ml-lead] }
approval: { approvers: [governance, ml-lead], quorum: 2 }
`;

function policyFolder(edit: (yaml: string) => string = (yaml) => yaml): string {
  return writeFiles(temporaryFolder(), { 'prod.yaml': edit(POLICY_YAML) });
}

describe('loadPolicy', () => {
  it('fills in the defaults, the strict ones', async () => {
    const { policy } = await loadPolicy(policyFolder(), 'prod');
    expect(policy.approval).toEqual({
      approvers: ['governance', 'ml-lead'],
      quorum: 2,
      proof: 'claimed',
      separate_requester: false,
      evidence_digest: 'required',
      expires_after: '48h',
    });
  });

  it('gives a digest of the content: comments and the order of fields do not count, values do', async () => {
    const { digest } = await loadPolicy(policyFolder(), 'prod');
    const reordered = policyFolder((yaml) => `# reviewed\n${yaml.split('\n').reverse().join('\n')}\n`);
    expect((await loadPolicy(reordered, 'prod')).digest).toBe(digest);
    expect(
      (
        await loadPolicy(
          policyFolder((yaml) => yaml.replace('0.95', '0.9')),
          'prod',
        )
      ).digest,
    ).not.toBe(digest);
  });

  it.each([
    [
      'quorum: 2',
      'quorum: 3',
      ':4:55: approval.quorum: found 3; expected at most 2, the number of approvers, while proof is claimed',
    ],
    [
      '[governance, ml-lead]',
      '[governance, governance]',
      ':4:37: approval.approvers[1]: found "governance" again; expected each entry once',
    ],
    ['[ml-lead]', '[]', ':3:17: rollback.by: found an empty list; expected at least 1 entry'],
    ['parity', 'parrity', '; did you mean "parity"?'],
    ['0.95', '95', ':2:27: comparison.confidence: found 95; expected at most 0.999'],
    ['approvers', 'aprovers', ':4:13: approval.aprovers: found an unknown field; expected one of approvers, quorum'],
  ])('refuses %s as %s', async (from, to, expected) => {
    const folder = policyFolder((yaml) => yaml.replace(from, to));
    const failure = await failureOf(() => loadPolicy(folder, 'prod'));
    expect(failure.type).toBe('InvalidPolicy');
    expect(failure.message).toContain(expected);
  });

  it('lets nobody into prod without a token, and strangers elsewhere as what it says', async () => {
    const open = `${POLICY_YAML}access: { anonymous: viewer }\n`;
    const folder = writeFiles(temporaryFolder(), { 'prod.yaml': open, 'dev.yaml': open });
    expect((await loadPolicy(folder, 'dev')).policy.access.anonymous).toBe('viewer');
    const { message } = await failureOf(() => loadPolicy(folder, 'prod'));
    expect(message).toMatch(/prod\.yaml:5:\d+: access\.anonymous: found "viewer"; expected "none"/);
  });

  it('says which policy is missing', async () => {
    const folder = policyFolder();
    const failure = await failureOf(() => loadPolicy(folder, 'staging'));
    expect(failure.message).toBe(
      `${folder}/staging.yaml:1:1: found no such file; expected the policy of staging in YAML`,
    );
  });
});

describe("this repository's policies", () => {
  it('get tighter from dev to staging to prod', async () => {
    const policies = [];
    for (const environment of ENVIRONMENTS) policies.push((await loadPolicy(POLICIES, environment)).policy);
    for (const { policy: field, tightens } of POLICY_FIELDS) {
      // A request in dev is asked again tomorrow; elsewhere an approver may be away for a day.
      if (field === 'approval.expires_after') continue;
      const values = policies.map((policy) => fieldAt(policy, field));
      values
        .slice(1)
        .forEach((value, i) => expect([field, atLeastAsTight(tightens, value, values[i])]).toEqual([field, true]));
    }
  });

  it('ask in prod for what the design asks', async () => {
    const { policy } = await loadPolicy(POLICIES, 'prod');
    expect(policy.compliance.require).toEqual(['signature', 'parity', 'lineage', 'model_card', 'clean_commit']);
    expect(policy.approval).toEqual({
      approvers: ['governance', 'ml-lead'],
      quorum: 1,
      proof: 'claimed',
      separate_requester: false,
      evidence_digest: 'required',
      expires_after: '48h',
    });
  });
});
