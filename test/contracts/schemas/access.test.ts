import { describe, expect, it } from 'vitest';
import { approverRoles } from '../../../contracts/approver-roles.ts';
import { accessSchema } from '../../../contracts/schemas/access.ts';
import { policySchema } from '../../../contracts/schemas/policy.ts';

const oidc = (issuer: string) => ({ oidc: { issuer, audience: 'superstep' } });

describe('section access of a policy', () => {
  it('lets nobody in unless it says so', () => {
    expect(accessSchema.parse({})).toEqual({ anonymous: 'none', groups: {}, break_glass: [] });
  });

  it('gives a group one role or several', () => {
    const { groups } = accessSchema.parse({ groups: { one: 'viewer', 'two words': ['admin', 'ml-lead'] } });
    expect(groups).toEqual({ one: ['viewer'], 'two words': ['admin', 'ml-lead'] });
  });

  it.each([
    'https://login.example.com',
    'https://login.example.com/realms/ml',
    'http://127.0.0.1:8080',
    'http://localhost/',
  ])('takes the issuer %s to the letter', (issuer) => {
    expect(accessSchema.parse(oidc(issuer)).oidc?.issuer).toBe(issuer);
  });

  it.each([
    { anonymous: 'admin' },
    { anonymous: 'ml-lead' },
    { groups: { one: 'Viewer' } },
    { groups: { one: [] } },
    { break_glass: 'admin' },
    { admins: ['scientist'] },
    { oidc: { issuer: 'https://login.example.com' } },
    oidc('http://login.example.com'),
    oidc('http://127.0.0.1.example.com'),
    oidc('file:///etc'),
    oidc('https://login.example.com?tenant=1'),
    oidc('login.example.com'),
  ])('refuses %j', (access) => {
    expect(accessSchema.safeParse(access).success).toBe(false);
  });
});

describe('the roles that a policy names', () => {
  it('are those of approvers, escalation, rollback, tiers and break-glass, each once', () => {
    const policy = policySchema.parse({
      compliance: {},
      comparison: {},
      rollback: { by: ['ml-lead', 'operations'] },
      approval: { approvers: ['governance', 'ml-lead'], escalate: { after: '4h', to: ['head-of-risk'] } },
      tiers: { high: { approval: { approvers: ['risk-board'] }, rollback: { by: ['on-call'] } } },
      access: { break_glass: ['admin'] },
    });
    expect(approverRoles(policy).sort()).toEqual(
      ['governance', 'ml-lead', 'operations', 'head-of-risk', 'risk-board', 'on-call', 'admin'].sort(),
    );
  });
});
