import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { basic, bearer, BY, openTestIdentity, type TestIdentity } from './open-test-identity.ts';

let t: TestIdentity;
beforeEach(async () => {
  t = await openTestIdentity();
});
afterEach(() => t.close());

const add = (name: string) => t.identity.addPrincipal({ name, kind: 'user', by: BY });
const caller = async (token: string) => t.identity.authenticate(bearer(token));

describe('an account', () => {
  it('is made once, however often it is asked for', async () => {
    const first = await add('scientist');
    t.advance(1000);
    expect(await add('scientist')).toEqual(first);
    expect(await t.actions()).toEqual(['CREATED_USER']);
    await expect(t.identity.addPrincipal({ name: 'scientist', kind: 'service', by: BY })).rejects.toMatchObject({
      type: 'AlreadyExists',
    });
  });

  it('has a name that fits into Basic and a command line, and stands for nobody else', async () => {
    const names = ['', 'a:b', 'a b', '-x', 'ä', 'x'.repeat(101), 'anonymous', 'registry', 'superstep', '__proto__'];
    for (const name of [...names, 'a\nb', 'Registry', 'ａ', 'a\u200b'])
      await expect(add(name)).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  it('must be there before it gets anything', async () => {
    const unknown = { type: 'UnknownResource', message: expect.stringContaining('"scientist"') as string };
    await expect(t.identity.grantRole({ principal: 'scientist', role: 'viewer', by: BY })).rejects.toMatchObject(
      unknown,
    );
    await expect(t.identity.createToken({ principal: 'scientist', label: 'x', days: 1, by: BY })).rejects.toMatchObject(
      unknown,
    );
    await expect(t.identity.disable({ principal: 'scientist', reason: 'x', by: BY })).rejects.toMatchObject(unknown);
  });
});

describe('a role', () => {
  it('is granted and revoked for every model, or for one', async () => {
    const token = await t.userWithToken('scientist');
    const forOne = { principal: 'scientist', role: 'production-manager', model: 'flights-delay', by: BY };
    await t.identity.grantRole(forOne);
    await t.identity.grantRole(forOne);
    await t.identity.grantRole({ principal: 'scientist', role: 'viewer', by: BY });
    expect((await caller(token)).may('manage-production', 'flights-delay')).toBe(true);
    expect((await caller(token)).may('manage-production', 'hotels')).toBe(false);
    await t.identity.revokeRole(forOne);
    await t.identity.revokeRole(forOne);
    expect((await caller(token)).may('manage-production', 'flights-delay')).toBe(false);
    const granted = (await t.actions()).filter((action) => action.endsWith('_ROLE'));
    expect(granted).toEqual(['GRANTED_ROLE', 'GRANTED_ROLE', 'REVOKED_ROLE']);
    await t.identity.grantRole(forOne);
    expect((await caller(token)).may('manage-production', 'flights-delay')).toBe(true);
    expect((await t.identity.roleGrants()).map((g) => [g.role, g.model, g.revokedBy])).toEqual([
      ['production-manager', 'flights-delay', 'admin'],
      ['viewer', null, null],
      ['production-manager', 'flights-delay', null],
    ]);
  });

  it('must be built in or stand in the policy: a misspelt one would only read', async () => {
    await add('scientist');
    await t.identity.grantRole({ principal: 'scientist', role: 'ml-lead', by: BY });
    for (const role of ['contributer', 'Governance', '', 'toString']) {
      await expect(t.identity.grantRole({ principal: 'scientist', role, by: BY })).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining('governance, ml-lead') as string,
      });
    }
  });

  it('that was never granted cannot be revoked', async () => {
    await add('scientist');
    await t.identity.grantRole({ principal: 'scientist', role: 'viewer', model: 'hotels', by: BY });
    await expect(t.identity.revokeRole({ principal: 'scientist', role: 'viewer', by: BY })).rejects.toThrow(
      /never granted viewer; it holds viewer for hotels/,
    );
  });
});

describe('a token', () => {
  it('needs a label of its own, and an end', async () => {
    await t.userWithToken('scientist', 'viewer');
    await expect(
      t.identity.createToken({ principal: 'scientist', label: 'laptop', days: 1, by: BY }),
    ).rejects.toMatchObject({
      type: 'AlreadyExists',
    });
    for (const [label, days] of [
      ['', 1],
      ['x', 0],
      ['x', 367],
      ['x', 1.5],
      ['x', Number.NaN],
    ] as const) {
      await expect(t.identity.createToken({ principal: 'scientist', label, days, by: BY })).rejects.toMatchObject({
        type: 'InvalidInput',
      });
    }
    await expect(t.identity.revokeToken({ id: 'ffffffffffffffff', reason: 'x', by: BY })).rejects.toMatchObject({
      type: 'UnknownResource',
    });
  });
});

describe('who leaves', () => {
  const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

  it('loses tokens, roles and keys at once, and the name is never used again', async () => {
    const token = await t.userWithToken('scientist', 'viewer', 'governance');
    await t.identity.addKey({ principal: 'scientist', publicKey: KEY, by: BY });
    expect(await t.identity.identityStanding('scientist')).toEqual({ state: 'active' });
    const left = await t.identity.disable({ principal: 'scientist', reason: 'changed jobs', by: BY });
    expect(left).toMatchObject({ leftAt: '2001-05-01T00:00:00.000Z', leftReason: 'changed jobs', disabledBy: 'admin' });
    t.advance(60_000);
    expect(await t.identity.disable({ principal: 'scientist', reason: 'again', by: BY })).toEqual(left);
    expect(await t.identity.identityStanding('scientist')).toEqual({
      state: 'left',
      since: '2001-05-01T00:00:00.000Z',
      reason: 'changed jobs',
    });
    await expect(caller(token)).rejects.toThrow(/revoked on .*changed jobs/);
    expect((await t.identity.tokens()).map((r) => r.revokedReason)).toEqual(['changed jobs']);
    expect((await t.identity.roleGrants()).map((r) => r.revokedReason)).toEqual(['changed jobs', 'changed jobs']);
    expect((await t.identity.signingKeys()).map((r) => r.revokedReason)).toEqual(['changed jobs']);
    expect((await t.actions()).filter((action) => action === 'DISABLED_USER')).toHaveLength(1);
    const used = { type: 'IllegalTransition', message: expect.stringContaining('not used again') as string };
    await expect(add('scientist')).rejects.toMatchObject(used);
    await expect(t.identity.grantRole({ principal: 'scientist', role: 'viewer', by: BY })).rejects.toMatchObject(used);
    await expect(t.identity.createToken({ principal: 'scientist', label: 'n', days: 1, by: BY })).rejects.toMatchObject(
      used,
    );
    await expect(t.identity.addKey({ principal: 'scientist', publicKey: KEY, by: BY })).rejects.toMatchObject(used);
  });

  it('leaves others as they are', async () => {
    await t.userWithToken('scientist', 'viewer');
    const token = await t.userWithToken('lead', 'viewer');
    await t.identity.disable({ principal: 'scientist', reason: 'left', by: BY });
    expect((await t.identity.authenticate(basic('lead', token))).may('read')).toBe(true);
  });

  it('leaves for a reason', async () => {
    await add('scientist');
    await expect(t.identity.disable({ principal: 'scientist', reason: ' ', by: BY })).rejects.toMatchObject({
      type: 'InvalidInput',
    });
    expect(await t.identity.identityStanding('governance')).toEqual({ state: 'unknown' });
  });
});

describe('the audit', () => {
  it('tells each act, by whom and how proved, without a secret', async () => {
    const token = await t.userWithToken('scientist', 'viewer');
    const [record] = await t.identity.tokens();
    await t.identity.revokeToken({ id: record?.id ?? '', reason: 'old', by: BY });
    const rows = await t.db.read((knex) =>
      knex('activity_log')
        .orderBy('id')
        .select<{ action: string; done_by: string; proof: string; details: string }[]>('*'),
    );
    expect(rows.map((row) => [row.action, row.done_by, row.proof])).toEqual(
      ['CREATED_USER', 'GRANTED_ROLE', 'CREATED_TOKEN', 'REVOKED_TOKEN'].map((action) => [action, 'admin', 'token']),
    );
    expect(JSON.parse(rows[3]?.details ?? '')).toEqual({
      principal: 'scientist',
      tokenId: record?.id,
      label: 'laptop',
    });
    expect(JSON.stringify(rows)).not.toContain(token);
  });
});
