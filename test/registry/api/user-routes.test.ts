import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRegistryServer } from '../../../registry/api/server.ts';
import { createUserRoutes } from '../../../registry/api/user-routes.ts';
import { basic, bearer, openTestIdentity, type TestIdentity } from '../identity/open-test-identity.ts';

const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

let t: TestIdentity;
let app: FastifyInstance;
let admin: string;
const bugs: unknown[] = [];
let changes = 0;
beforeEach(async () => {
  t = await openTestIdentity();
  const routes = createUserRoutes({
    identity: t.identity,
    policy: t.policy,
    onApproversChanged: async () => void (changes += 1),
  });
  const { authenticate } = t.identity;
  app = await createRegistryServer({
    environments: { prod: { environment: 'prod', routes, streams: [], authenticate } },
    report: (error) => bugs.push(error),
  });
  admin = await t.userWithToken('root', 'admin');
});
afterEach(async () => {
  await app.close();
  await t.close();
  expect(bugs).toEqual([]);
});

type Headers = Record<string, string>;
async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, headers: Headers = bearer(admin)) {
  const answer = await app.inject({
    method,
    url: `/api/2.0/superstep${path}`,
    headers: { host: '127.0.0.1', ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() };
}

describe('users over REST', () => {
  it('are made, given roles, tokens and keys, and leave', async () => {
    const before = changes;
    const made = await call('POST', '/users', { name: 'scientist@example.com', description: 'flights team' });
    expect(made).toMatchObject({
      status: 200,
      body: { user: { name: 'scientist@example.com', kind: 'user', roles: [] } },
    });
    const path = '/users/scientist@example.com';
    const forOne = { role: 'production-manager', model: 'flights-delay' };
    expect(await call('POST', `${path}/roles`, { role: 'viewer' })).toMatchObject({ status: 200 });
    expect(await call('POST', `${path}/roles`, forOne)).toMatchObject({ status: 200 });
    const { body } = await call('POST', `${path}/tokens`, { label: 'laptop', days: 30 });
    expect(body).toMatchObject({ token_info: { label: 'laptop', expires_at: '2001-05-31T00:00:00.000Z' } });
    const hers = bearer(body['token'] as string);
    expect((await call('GET', '/whoami', undefined, hers)).body).toEqual({
      name: 'scientist@example.com',
      proof: 'token',
      roles: ['viewer'],
      rights: ['read'],
    });
    expect((await call('GET', '/whoami?model=flights-delay', undefined, hers)).body).toMatchObject({
      roles: ['viewer', 'production-manager'],
      rights: ['read', 'contribute', 'manage-staging', 'manage-production'],
    });
    const { key } = (await call('POST', `${path}/keys`, { public_key: KEY })).body as { key: { key_id: string } };
    expect(await call('DELETE', `/keys/${key.key_id}`, { reason: 'lost' })).toMatchObject({
      body: { key: { public_key: KEY, revoked_by: 'root', revoked_reason: 'lost' } },
    });
    expect(await call('DELETE', `${path}/roles`, forOne)).toMatchObject({ status: 200 });
    const left = await call('POST', `${path}/disable`, { reason: 'changed jobs' });
    expect(left.body).toMatchObject({ user: { left_reason: 'changed jobs', disabled_by: 'root' } });
    // Two roles given, one taken, a key added and revoked, and leaving: gates that wait look again.
    expect(changes - before).toBe(6);
    const refused = await call('GET', '/whoami', undefined, hers);
    expect(refused).toMatchObject({ status: 401, body: { error_code: 'UNAUTHENTICATED' } });
    expect(refused.headers['www-authenticate']).toMatch(/^Basic /);
    expect(JSON.stringify((await call('GET', '/users')).body)).not.toContain('ss_');
  });

  it('are for admins', async () => {
    const token = await t.userWithToken('scientist', 'governance-officer');
    for (const [method, path, body] of [
      ['GET', '/users', undefined],
      ['POST', '/users', { name: 'x' }],
      ['POST', '/users/scientist/roles', { role: 'admin' }],
      ['DELETE', '/users/scientist/roles', { role: 'viewer' }],
      ['POST', '/users/root/tokens', { label: 'x' }],
      ['DELETE', '/tokens/0', { reason: 'x' }],
      ['POST', '/users/scientist/keys', { public_key: KEY }],
      ['DELETE', '/keys/0', { reason: 'x' }],
      ['POST', '/users/root/disable', { reason: 'x' }],
    ] as const) {
      const answer = await call(method, path, body, basic('scientist', token));
      expect([path, answer.status, answer.body['error_code']]).toEqual([path, 403, 'PERMISSION_DENIED']);
      expect((await call(method, path, body, {})).status).toBe(401);
    }
  });

  it("answer what cannot be done with the contract's codes", async () => {
    for (const [method, path, sent, status, code] of [
      ['POST', '/users', {}, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users', { name: 'a:b' }, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users', { name: 'x', kind: 'system' }, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users', { name: 'x', oidc: true }, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users', { name: 'root', kind: 'service' }, 400, 'RESOURCE_ALREADY_EXISTS'],
      ['POST', '/users/nobody/roles', { role: 'viewer' }, 404, 'RESOURCE_DOES_NOT_EXIST'],
      ['POST', '/users/root/roles', { role: 'emperor' }, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users/root/roles', { role: 'viewer', model: '' }, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users/root/tokens', { label: 'laptop' }, 400, 'RESOURCE_ALREADY_EXISTS'],
      ['POST', '/users/root/tokens', { label: 'x', days: 1e9 }, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users/root/keys', { public_key: 'x' }, 400, 'INVALID_PARAMETER_VALUE'],
      ['POST', '/users/root/disable', { reason: ' ' }, 400, 'INVALID_PARAMETER_VALUE'],
      ['DELETE', '/tokens/0123456789abcdef', { reason: 'x' }, 404, 'RESOURCE_DOES_NOT_EXIST'],
    ] as const) {
      const { status: found, body } = await call(method, path, sent);
      expect([method, path, sent, found, body['error_code']]).toEqual([method, path, sent, status, code]);
    }
  });
});
