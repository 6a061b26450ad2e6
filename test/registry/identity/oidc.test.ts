import { createSecretKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { basic, bearer, BY, openTestIdentity, type TestIdentity } from './open-test-identity.ts';
import { AUDIENCE, startTestProvider, type TestProvider } from './test-provider.ts';

const GROUPS = {
  scientist: ['data-science', 'everybody'],
  thirdOfficer: 'governance-board',
  lead: [],
  stranger: ['constructor', '__proto__', 7],
  registry: ['governance-board'],
  local: ['governance-board'],
};
/** What the claim `preferred_username` says, by client. */
const MISLEADING = {
  zeroWidth: 'scien\u200btist',
  fullwidth: 'ｓcientist',
  space: 'scientist ',
  combining: 'scie\u0301ntist',
  filler: 'scientist\u3164',
  reserved: 'Registry',
  anonymous: 'ANONYMOUS',
};
const PLAIN = { mail: 'ml-lead@example.com', accent: 'é-lead', han: '主任' };
const SECOND = 1000;

let provider: TestProvider;
let t: TestIdentity;
beforeAll(async () => {
  provider = await startTestProvider(GROUPS, { ...MISLEADING, ...PLAIN });
});
afterAll(() => provider.stop());
beforeEach(async () => {
  // The provider and jose read the clock themselves; it moves with the registry's.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2001-05-01T00:00:00Z') });
  t = await openTestIdentity();
  t.setAccess(rules());
});
afterEach(async () => {
  vi.useRealTimers();
  await t.close();
});

const rules = (oidc: object = {}) => ({
  groups: { 'data-science': 'viewer', 'governance-board': ['governance-officer', 'governance'] },
  oidc: { issuer: provider.issuer, audience: AUDIENCE, ...oidc },
});
const advance = (milliseconds: number): void => {
  t.advance(milliseconds);
  vi.setSystemTime(t.now());
};
const caller = (jwt: string) => t.identity.authenticate(bearer(jwt));
const refused = (message: RegExp) => ({ type: 'NotAuthenticated', message: expect.stringMatching(message) as string });

describe('a JWT of the provider', () => {
  it('lets in with the roles of the groups', async () => {
    const scientist = await caller(await provider.tokenFor('scientist'));
    expect(scientist).toMatchObject({ name: 'scientist', proof: 'oidc', roles: ['viewer'] });
    const thirdOfficer = await caller(await provider.tokenFor('thirdOfficer'));
    expect(thirdOfficer.roles).toEqual(['governance-officer', 'governance']);
    expect(thirdOfficer.may('govern')).toBe(true);
    for (const client of ['lead', 'stranger']) {
      const nobody = await caller(await provider.tokenFor(client));
      expect([nobody.roles, nobody.may('read')]).toEqual([[], false]);
    }
  });

  it('brings the roles granted here too, and the name is written down once', async () => {
    const jwt = await provider.tokenFor('scientist');
    await Promise.all([caller(jwt), caller(jwt), caller(jwt)]);
    expect(await t.identity.principals()).toMatchObject([{ name: 'scientist', kind: 'user', issuer: provider.issuer }]);
    expect(await t.actions()).toEqual(['CREATED_USER']);
    await t.identity.grantRole({ principal: 'scientist', role: 'ml-lead', by: BY });
    expect((await caller(jwt)).roles).toEqual(['ml-lead', 'viewer']);
  });

  it('does not let in who left, nor one who has the name of a local account', async () => {
    await caller(await provider.tokenFor('scientist'));
    await t.identity.disable({ principal: 'scientist', reason: 'changed jobs', by: BY });
    await expect(caller(await provider.tokenFor('scientist'))).rejects.toMatchObject(refused(/left on .*changed jobs/));
    await t.userWithToken('local', 'viewer');
    await expect(caller(await provider.tokenFor('local'))).rejects.toMatchObject(refused(/registry's own/));
    await expect(caller(await provider.tokenFor('registry'))).rejects.toMatchObject(refused(/cannot be used/));
  });

  it.each(Object.entries(MISLEADING))('does not let in %j, which reads like another name: %j', async (client) => {
    t.setAccess(rules({ name_claim: 'preferred_username' }));
    await expect(caller(await provider.tokenFor(client))).rejects.toMatchObject(refused(/cannot be used here/));
    expect(await t.identity.principals()).toEqual([]);
  });

  it.each(Object.entries(PLAIN))('lets in %j as %j', async (client, name) => {
    t.setAccess(rules({ name_claim: 'preferred_username' }));
    expect((await caller(await provider.tokenFor(client))).name).toBe(name);
  });

  it('may leave before it ever comes', async () => {
    await t.identity.addPrincipal({ name: 'lead', kind: 'user', issuer: provider.issuer, by: BY });
    await t.identity.disable({ principal: 'lead', reason: 'never started', by: BY });
    await expect(caller(await provider.tokenFor('lead'))).rejects.toMatchObject(refused(/never started/));
  });

  it('holds until it expires, and half a minute longer for clocks that differ', async () => {
    const jwt = await provider.tokenFor('scientist');
    advance(600 * SECOND + 29 * SECOND);
    await caller(jwt);
    advance(2 * SECOND);
    await expect(caller(jwt)).rejects.toMatchObject(refused(/has expired/));
  });

  it('must be for this registry, of this issuer', async () => {
    const elsewhere = await provider.tokenFor('scientist', 'https://elsewhere.example.com');
    await expect(caller(elsewhere)).rejects.toMatchObject(refused(/"aud"/));
    t.setAccess(rules({ issuer: 'https://login.example.com' }));
    await expect(caller(await provider.tokenFor('scientist'))).rejects.toMatchObject(refused(/another issuer/));
    t.setAccess({});
    await expect(caller(await provider.tokenFor('scientist'))).rejects.toMatchObject(refused(/not known here/));
  });

  it('must have the claim that names a person', async () => {
    t.setAccess(rules({ name_claim: 'email' }));
    await expect(caller(await provider.tokenFor('scientist'))).rejects.toMatchObject(refused(/"email"/));
  });
});

describe('a forged JWT', () => {
  const parts = async (): Promise<string[]> => (await provider.tokenFor('scientist')).split('.');
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  it('is refused whatever it says of itself', async () => {
    const [header = '', payload = '', signature = ''] = await parts();
    const claims = decodeJwt(`${header}.${payload}.`);
    const { kid } = decodeProtectedHeader(`${header}.${payload}.${signature}`);
    const own = await generateKeyPair('RS256');
    const published = JSON.stringify((await provider.publishedKeys()).keys[0]);
    const sign = (key: Parameters<SignJWT['sign']>[0], alg: string, more: object = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid: kid ?? '', ...more }).sign(key);
    const forged = [
      `${header}.${encoded({ ...claims, sub: 'thirdOfficer', groups: ['governance-board'] })}.${signature}`,
      `${header}.${payload}.${'A'.repeat(342)}`,
      // The public key as an HMAC secret.
      await sign(createSecretKey(Buffer.from(published)), 'HS256'),
      await sign(own.privateKey, 'RS256'),
      // A key that the token brings along.
      await sign(own.privateKey, 'RS256', { jwk: await exportJWK(own.publicKey) }),
      `${encoded({ alg: 'none' })}.${payload}.AA`,
      `${encoded({ alg: 'none', kid })}.${payload}.${signature}`,
      `${encoded({ alg: 'RS256', kid, crit: ['exp'] })}.${payload}.${signature}`,
      `${encoded({ alg: 'RS256', kid, b64: false, crit: ['b64'] })}.${payload}.${signature}`,
    ];
    for (const jwt of forged) await expect(caller(jwt)).rejects.toMatchObject({ type: 'NotAuthenticated' });
    await caller(`${header}.${payload}.${signature}`);
  });

  it('that is only half a JWT is refused', async () => {
    for (const text of ['a.b.c', `${encoded({})}.${encoded([])}.AA`, `..`, `${encoded({ alg: 'RS256' })}.AAAA.AA`]) {
      await expect(caller(text)).rejects.toMatchObject({ type: 'NotAuthenticated' });
    }
  });
});

describe('the keys of the provider', () => {
  it('are fetched once and kept; another one is found after a rotation, and the old one is dead', async () => {
    const before = provider.keysServed();
    const jwt = await provider.tokenFor('scientist');
    for (let i = 0; i < 5; i += 1) await caller(jwt);
    expect(provider.keysServed() - before).toBe(1);
    advance(60 * SECOND);
    provider.rotateKeys();
    const next = await provider.tokenFor('scientist');
    expect((await caller(next)).name).toBe('scientist');
    expect(provider.keysServed() - before).toBe(2);
    await expect(caller(jwt)).rejects.toMatchObject(refused(/not signed with a key/));
  });

  it('are not fetched for each made-up key name', async () => {
    await caller(await provider.tokenFor('scientist'));
    const before = provider.keysServed();
    const { privateKey } = await generateKeyPair('RS256');
    for (let i = 0; i < 20; i += 1) {
      const jwt = await new SignJWT({ sub: 'scientist' })
        .setProtectedHeader({ alg: 'RS256', kid: `made-up-${i}` })
        .setIssuer(provider.issuer)
        .setAudience(AUDIENCE)
        .setExpirationTime('1h')
        .sign(privateKey);
      await expect(caller(jwt)).rejects.toMatchObject(refused(/not signed with a key/));
    }
    expect(provider.keysServed() - before).toBe(0);
  });
});

describe('a provider that cannot be reached', () => {
  it('makes JWTs wait, not tokens of our own; and is asked again when it is back', async () => {
    const jwt = await provider.tokenFor('scientist');
    const token = await t.userWithToken('local', 'viewer');
    await provider.stop();
    try {
      for (let i = 0; i < 2; i += 1) {
        await expect(caller(jwt)).rejects.toMatchObject({
          type: 'RegistryUnavailable',
          message: expect.stringContaining(provider.issuer) as string,
        });
      }
      expect((await t.identity.authenticate(basic('local', token))).name).toBe('local');
      await expect(caller('a.b.c')).rejects.toMatchObject({ type: 'NotAuthenticated' });
    } finally {
      await provider.restart();
    }
    expect((await caller(jwt)).name).toBe('scientist');
  });

  it('is as good as up while its keys are kept', async () => {
    const jwt = await provider.tokenFor('scientist');
    await caller(jwt);
    await provider.stop();
    try {
      expect((await caller(jwt)).name).toBe('scientist');
    } finally {
      await provider.restart();
    }
  });
});
