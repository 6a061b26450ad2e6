import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newToken } from '../../../registry/identity/token-format.ts';
import { basic, bearer, BY, openTestIdentity, type TestIdentity } from './open-test-identity.ts';

const DAY = 86_400_000;
let t: TestIdentity;
beforeEach(async () => {
  t = await openTestIdentity();
});
afterEach(() => t.close());

const refusal = async (headers: Parameters<TestIdentity['identity']['authenticate']>[0]): Promise<string> => {
  const error: unknown = await t.identity.authenticate(headers).then(
    () => new Error('was let in'),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ type: 'NotAuthenticated' });
  return (error as Error).message;
};

describe('a token', () => {
  it('lets its owner in by Bearer, and by Basic as MLflow sends it', async () => {
    const token = await t.userWithToken('scientist', 'viewer', 'ml-lead');
    for (const headers of [bearer(token), { authorization: `bearer  ${token}` }, basic('scientist', token)]) {
      const caller = await t.identity.authenticate(headers);
      expect(caller).toMatchObject({ name: 'scientist', proof: 'token', roles: ['viewer', 'ml-lead'] });
      expect([caller.may('read'), caller.may('contribute')]).toEqual([true, false]);
    }
  });

  it('is stored as a hash only', async () => {
    const token = await t.userWithToken('scientist', 'viewer');
    expect(token).toMatch(/^ss_[A-Za-z0-9_-]{43}$/);
    const everything = await t.db.read(async (knex) =>
      JSON.stringify([await knex('tokens'), await knex('activity_log'), await knex('principals')]),
    );
    expect(everything).not.toContain(token);
    expect(everything).not.toContain(token.slice(3, 20));
  });

  it('notes its last use at most once a minute', async () => {
    const token = await t.userWithToken('scientist', 'viewer');
    const used = async () => (await t.identity.tokens())[0]?.lastUsedAt;
    expect(await used()).toBeNull();
    const first = '2001-05-01T00:00:00.000Z';
    for (const [milliseconds, seen] of [
      [0, first],
      [30_000, first],
      [29_999, first],
      [1, '2001-05-01T00:01:00.000Z'],
    ] as const) {
      t.advance(milliseconds);
      await t.identity.authenticate(bearer(token));
      // Nobody waits for the note; a write behind it has it in front.
      await t.db.write(async () => undefined);
      await vi.waitFor(async () => expect(await used()).toBe(seen));
    }
  });

  it('ends when it expires, and when it is revoked, and tells its holder so', async () => {
    const token = await t.userWithToken('scientist', 'viewer');
    t.advance(90 * DAY - 1);
    await t.identity.authenticate(bearer(token));
    t.advance(1);
    expect(await refusal(bearer(token))).toMatch(/expired on 2001-07-30T00:00:00.000Z/);
    // The label is free again.
    const next = await t.identity.createToken({ principal: 'scientist', label: 'laptop', days: 1, by: BY });
    await t.identity.authenticate(bearer(next.token));
    await t.identity.revokeToken({ id: next.id, reason: 'laptop stolen', by: BY });
    expect(await refusal(bearer(next.token))).toMatch(/revoked on .*laptop stolen/);
    expect(await refusal(basic('scientist', next.token))).toMatch(/revoked/);
  });

  it('counts again at once when roles change', async () => {
    const token = await t.userWithToken('scientist', 'contributor');
    const may = async () => (await t.identity.authenticate(bearer(token))).may('contribute');
    expect(await may()).toBe(true);
    await t.identity.revokeRole({ principal: 'scientist', role: 'contributor', by: BY });
    expect(await may()).toBe(false);
  });
});

describe('whoever does not show who he is', () => {
  it('gets one answer, whether or not there is such a user', async () => {
    const token = await t.userWithToken('scientist', 'viewer');
    await t.userWithToken('lead', 'admin');
    const answers = await Promise.all([
      refusal(bearer(newToken())),
      refusal(basic('scientist', newToken())),
      refusal(basic('nobody', newToken())),
      // Somebody else's good token under another name, of somebody who is there and of nobody.
      refusal(basic('lead', token)),
      refusal(basic('nobody', token)),
      refusal(basic('', token)),
      refusal(basic('scientist', 'password')),
      refusal(basic('scientist', '')),
      refusal(bearer('dapi0123456789')),
      refusal(bearer(token.slice(0, -1))),
      refusal(bearer('eyJhbGciOiJSUzI1NiJ9.e30.c2ln')),
      refusal({ authorization: 'Basic !!!' }),
    ]);
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('Authorization: Bearer ss_');
  });

  it('is refused whatever the header holds', async () => {
    for (const [what, authorization] of [
      ['an unknown scheme', 'Digest username="scientist"'],
      ['a bare word', 'ss_abc'],
      ['nothing', ''],
      ['Bearer alone', 'Bearer '],
      ['two values', 'Bearer a b'],
      ['a header of a megabyte', `Bearer ${'a'.repeat(1_000_000)}`],
      ['a megabyte of blanks', `Bearer${' '.repeat(1_000_000)}`],
      ['control characters', 'Bearer ss_\u0000'],
    ] as const) {
      expect([what, await refusal({ authorization })]).toEqual([
        what,
        expect.stringMatching(/does not show who sent it/),
      ]);
    }
  });

  it('is refused with several headers', async () => {
    expect(await refusal({ authorization: ['Bearer a', 'Bearer b'] })).toMatch(/several/);
  });

  it('is anonymous only where the policy says so, and then has its role', async () => {
    expect(await refusal({})).toMatch(/no credentials/);
    t.setAccess({ anonymous: 'contributor' });
    const caller = await t.identity.authenticate({});
    expect(caller).toMatchObject({ name: 'anonymous', proof: 'anonymous', roles: ['contributor'] });
    expect([caller.may('contribute'), caller.may('manage-staging')]).toEqual([true, false]);
    // Wrong credentials are never taken for none.
    expect(await refusal(bearer(newToken()))).toMatch(/not known/);
  });

  it('may never do more than with a name', async () => {
    const token = await t.userWithToken('scientist');
    expect((await t.identity.authenticate(bearer(token))).may('read')).toBe(false);
    t.setAccess({ anonymous: 'viewer' });
    expect((await t.identity.authenticate(bearer(token))).may('read')).toBe(true);
  });
});

describe('break-glass', () => {
  it('is held by the roles that the policy lists', async () => {
    const token = await t.userWithToken('scientist', 'admin');
    const may = async () => (await t.identity.authenticate(bearer(token))).may('break-glass');
    expect(await may()).toBe(false);
    t.setAccess({ break_glass: ['admin'] });
    expect(await may()).toBe(true);
  });
});
