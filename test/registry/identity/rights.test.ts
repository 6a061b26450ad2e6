import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_ROLES } from '../../../contracts/schemas/access.ts';
import { RIGHTS, type Right } from '../../../registry/identity/caller.ts';
import { createCaller, rightsOf, rightsOfRole } from '../../../registry/identity/rights.ts';

// The plan's table, written out: the code's own is not asked.
const TABLE: Readonly<Record<string, readonly Right[]>> = {
  viewer: ['read'],
  contributor: ['read', 'contribute'],
  'staging-manager': ['read', 'contribute', 'manage-staging'],
  'production-manager': ['read', 'contribute', 'manage-staging', 'manage-production'],
  'governance-officer': ['read', 'contribute', 'manage-staging', 'manage-production', 'govern'],
  admin: ['read', 'contribute', 'manage-staging', 'manage-production', 'govern', 'administer'],
  governance: ['read'],
  'ml-lead': ['read'],
};

describe('the rights of a role', () => {
  it.each(Object.entries(TABLE))('%s may %j', (role, rights) => {
    expect(rightsOfRole(role)).toEqual(rights);
    const caller = createCaller({ name: 'somebody', proof: 'token', roles: [role] });
    expect(rightsOf(caller)).toEqual(rights);
  });

  it('grow from role to role', () => {
    for (const [index, role] of BUILT_IN_ROLES.entries()) {
      expect(RIGHTS.filter((right) => rightsOfRole(role).includes(right))).toEqual(RIGHTS.slice(0, index + 1));
    }
  });

  it('break the glass only where the policy lists the role, and never without a name', () => {
    const may = (proof: 'token' | 'anonymous', role: string) =>
      createCaller({ name: 'x', proof, roles: [role], breakGlass: ['admin', 'on-call'] }).may('break-glass');
    expect(createCaller({ name: 'x', proof: 'token', roles: ['admin'] }).may('break-glass')).toBe(false);
    expect([may('token', 'admin'), may('token', 'on-call'), may('token', 'governance-officer')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(may('anonymous', 'on-call')).toBe(false);
    expect(createCaller({ name: 'x', proof: 'anonymous', roles: ['admin'] }).may('administer')).toBe(false);
  });
});

describe('roles for one model', () => {
  const caller = createCaller({
    name: 'scientist',
    proof: 'token',
    roles: ['viewer'],
    modelRoles: [
      { role: 'production-manager', model: 'flights-delay' },
      { role: 'ml-lead', model: 'flights-delay' },
      { role: 'admin', model: 'hotels' },
    ],
    breakGlass: ['production-manager'],
  });

  it('hold for that model and no other', () => {
    expect(caller.may('manage-production', 'flights-delay')).toBe(true);
    expect(caller.may('break-glass', 'flights-delay')).toBe(true);
    expect(caller.may('manage-production', 'flights')).toBe(false);
    expect(caller.may('manage-production')).toBe(false);
    expect(caller.rolesFor('flights-delay')).toEqual(['viewer', 'production-manager', 'ml-lead']);
    expect(caller.rolesFor('hotels')).toEqual(['viewer', 'admin']);
    expect(caller.roles).toEqual(['viewer']);
  });

  it('never carry rights over the environment', () => {
    expect(caller.may('manage-production', 'hotels')).toBe(true);
    for (const right of ['govern', 'administer'] as const) expect(caller.may(right, 'hotels')).toBe(false);
  });

  it('let read everywhere', () => {
    const guest = createCaller({ name: 'x', proof: 'token', roles: [], modelRoles: [{ role: 'ml-lead', model: 'a' }] });
    expect([guest.may('read'), guest.may('read', 'b'), guest.may('contribute', 'a')]).toEqual([true, true, false]);
    expect(createCaller({ name: 'x', proof: 'token', roles: [] }).may('read')).toBe(false);
  });
});

describe('any caller', () => {
  const role = fc.constantFrom(...Object.keys(TABLE));
  const model = fc.constantFrom('a', 'b');

  it('gains no right that none of its roles carries, and loses none by having more roles', () => {
    fc.assert(
      fc.property(
        fc.array(role),
        fc.array(fc.record({ role, model })),
        role,
        model,
        fc.constantFrom(...RIGHTS),
        (roles, modelRoles, extra, asked, right) => {
          const caller = createCaller({ name: 'x', proof: 'token', roles, modelRoles });
          const more = createCaller({ name: 'x', proof: 'token', roles: [...roles, extra], modelRoles });
          const carried = [...roles, ...modelRoles.filter((g) => g.model === asked).map((g) => g.role)].some((r) =>
            TABLE[r]?.includes(right),
          );
          if (right !== 'read' && caller.may(right, asked)) expect(carried).toBe(true);
          if (caller.may(right, asked)) expect(more.may(right, asked)).toBe(true);
          if (caller.may(right)) expect(caller.may(right, asked)).toBe(true);
        },
      ),
    );
  });
});
