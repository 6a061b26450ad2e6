import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import type { RestRoute } from '../../../registry/api/route.ts';
import { createRegistryServer, type EnvironmentApi } from '../../../registry/api/server.ts';
import { createCaller } from '../../../registry/identity/rights.ts';

const echo = (method: RestRoute['method'], path: string, needs: RestRoute['needs'] = 'read'): RestRoute => ({
  method,
  path,
  needs,
  handle: async ({ fields, caller }) => ({ name: fields.optionalText('name'), caller: caller.name }),
});

const routes: readonly RestRoute[] = [
  echo('GET', '/mlflow/things/get'),
  echo('POST', '/mlflow/things/create', 'contribute'),
  echo('DELETE', '/mlflow/things/:name', 'contribute'),
  echo('DELETE', '/mlflow/things/delete', 'contribute'),
  {
    ...echo('GET', '/mlflow/broken'),
    handle: () => Promise.reject(new Error('a secret path')),
  },
  {
    ...echo('GET', '/mlflow/away'),
    handle: () => Promise.reject(new SuperstepError('RegistryUnavailable', 'the disk is full')),
  },
];

function api(environment: EnvironmentApi['environment']): EnvironmentApi {
  return {
    environment,
    routes,
    streams: [
      (scope) => {
        scope.removeAllContentTypeParsers();
        scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
        scope.put('/api/2.0/bytes/*', { config: { needs: 'contribute' } }, async (request) => {
          let bytes = 0;
          for await (const piece of request.body as AsyncIterable<Buffer>) bytes += piece.length;
          return { bytes, path: (request.params as Record<string, string>)['*'], caller: request.caller.name };
        });
      },
    ],
    authenticate: async ({ authorization }) => {
      if (authorization === undefined) return createCaller({ name: 'anonymous', proof: 'anonymous', roles: [] });
      if (authorization === 'Bearer bad') throw new SuperstepError('NotAuthenticated', 'the token is revoked');
      const [, role = ''] = authorization.split(' ');
      return createCaller({ name: `${environment}-${role}`, proof: 'token', roles: [role] });
    },
  };
}

let app: FastifyInstance;
let bugs: string[];
beforeEach(async () => {
  bugs = [];
  app = await createRegistryServer({
    environments: { prod: api('prod'), dev: api('dev') },
    hosts: ['registry.example.com', 'ml.example.com:8443'],
    report: (error, request) => bugs.push(`${request}: ${(error as Error).message}`),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

interface Sent {
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

function send(method: string, path: string, { body, headers = {} }: Sent = {}) {
  const { port } = app.server.address() as AddressInfo;
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string; json: Record<string, unknown> }>(
    (resolve, reject) => {
      const all = { authorization: 'Bearer contributor', ...headers };
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const request = httpRequest(
        { port, host: '127.0.0.1', method, path, headers: { ...length, ...all } },
        (answer) => {
          let text = '';
          answer.on('data', (piece: Buffer) => (text += piece.toString()));
          answer.on('end', () => {
            const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    },
  );
}

const json = { 'content-type': 'application/json; charset=utf-8' };
const INVALID = { status: 400, json: { error_code: 'INVALID_PARAMETER_VALUE' } };

describe('reading a request', () => {
  it.each([
    ['GET', '/api/2.0/mlflow/things/get?name=a', {}],
    ['GET', '/ajax-api/2.0/mlflow/things/get?name=a', {}],
    ['GET', '/api/2.0/mlflow/things/get', { body: '{"name":"a"}' }],
    ['GET', '/api/2.0/mlflow/things/get?name=a', { headers: json }],
    ['GET', '/api/2.0/mlflow/things/get?name=a', { body: '{"name":"b"}' }],
    ['POST', '/api/2.0/mlflow/things/create', { body: '{"name":"a"}', headers: json }],
    ['POST', '/api/2.0/mlflow/things/create', { body: JSON.stringify('{"name":"a"}'), headers: json }],
    ['DELETE', '/api/2.0/mlflow/things/delete', { body: '{"name":"a"}' }],
    ['DELETE', '/api/2.0/mlflow/things/a', { body: '{"name":"b"}' }],
  ])('%s %s %j finds the name', async (method, path, sent) => {
    expect(await send(method, path, sent)).toMatchObject({
      status: 200,
      json: { name: 'a', caller: 'prod-contributor' },
    });
  });

  it('takes the query of a DELETE', async () => {
    expect(await send('DELETE', '/api/2.0/mlflow/things/x%2Fy?name=a')).toMatchObject({ json: { name: 'x/y' } });
  });

  it('serves the other environments below their names, with callers of their own', async () => {
    expect((await send('GET', '/dev/api/2.0/mlflow/things/get')).json).toEqual({ caller: 'dev-contributor' });
    expect((await send('GET', '/staging/api/2.0/mlflow/things/get')).status).toBe(404);
  });

  it.each([
    ['no content type', { body: '{"name":"a"}' }],
    ['another content type', { body: '{"name":"a"}', headers: { 'content-type': 'text/plain' } }],
    ['no content type that can be read', { body: '{}', headers: { 'content-type': '<>' } }],
    ['a list', { body: '[1]', headers: json }],
    ['a number', { body: '7', headers: json }],
    ['a bomb of brackets', { body: '{"name":' + '['.repeat(500_000) + ']'.repeat(500_000) + '}', headers: json }],
  ])('refuses a POST with %s', async (_, sent) => {
    expect(await send('POST', '/api/2.0/mlflow/things/create', sent)).toMatchObject(INVALID);
  });

  it('takes what is no JSON for nothing', async () => {
    expect((await send('POST', '/api/2.0/mlflow/things/create', { body: '{bad', headers: json })).json).toEqual({
      caller: 'prod-contributor',
    });
  });

  it('answers 413 to a body above the limit and 400 to a path that cannot be decoded', async () => {
    // Injected: over a socket the server may hang up while the client still writes.
    const answer = await app.inject({
      method: 'POST',
      url: '/api/2.0/mlflow/things/create',
      body: Buffer.alloc(17 * 1024 * 1024, 'x'),
      headers: { ...json, host: 'localhost', authorization: 'Bearer contributor' },
    });
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({ error_code: 'INVALID_PARAMETER_VALUE' });
    expect(await send('DELETE', '/api/2.0/mlflow/things/%zz')).toMatchObject(INVALID);
  });

  it('gives streams their bytes, of any content type and length', async () => {
    const body = Buffer.alloc(17 * 1024 * 1024, 'x');
    const answer = await send('PUT', '/api/2.0/bytes/%2e%2e/a', { body, headers: { 'content-type': 'text/html' } });
    expect(answer.json).toEqual({ bytes: body.length, path: '../a', caller: 'prod-contributor' });
  });
});

describe('refusing a request', () => {
  it('tells a path that it does not know from a method', async () => {
    expect(await send('GET', '/api/2.0/mlflow/nope')).toMatchObject({
      status: 404,
      json: { error_code: 'ENDPOINT_NOT_FOUND' },
    });
    expect((await send('GET', '/api/2.0/mlflow/things/create')).status).toBe(405);
    expect((await send('PATCH', '/dev/ajax-api/2.0/mlflow/things/one')).status).toBe(405);
    expect((await send('GET', '/api/3.0/mlflow/things/get')).status).toBe(404);
    expect((await send('GET', '/api/2.0/mlflow/things/get/')).status).toBe(404);
  });

  it('asks callers without credentials for some, and tells others what they lack', async () => {
    const create = (authorization?: string) =>
      send('POST', '/api/2.0/mlflow/things/create', {
        body: '{}',
        headers: { ...json, ...(authorization === undefined ? { authorization: '' } : { authorization }) },
      });
    for (const answer of [await create('Bearer bad'), await sendWithoutCredentials()]) {
      expect(answer).toMatchObject({ status: 401, json: { error_code: 'UNAUTHENTICATED' } });
      expect(answer.headers['www-authenticate']).toBe('Basic realm="mlflow"');
    }
    const viewer = await create('Bearer viewer');
    expect(viewer).toMatchObject({ status: 403, json: { error_code: 'PERMISSION_DENIED' } });
    expect(viewer.json['message']).toContain('contribute');
  });

  async function sendWithoutCredentials() {
    const answer = await app.inject({
      method: 'GET',
      url: '/api/2.0/mlflow/things/get',
      headers: { host: 'localhost' },
    });
    return { status: answer.statusCode, headers: answer.headers, json: answer.json<Record<string, unknown>>() };
  }

  it('refuses a right that is missing before it reads the body of a stream', async () => {
    const headers = { authorization: 'Bearer viewer' };
    expect((await send('PUT', '/api/2.0/bytes/a', { body: 'x', headers })).status).toBe(403);
  });

  it('refuses foreign hosts and changes that foreign pages ask for', async () => {
    const get = (host: string) => send('GET', '/api/2.0/mlflow/things/get', { headers: { host } });
    for (const host of [
      'localhost:5000',
      '127.0.0.1',
      '[::1]:80',
      'registry.example.com',
      'REGISTRY.example.com:443',
    ]) {
      expect((await get(host)).status, host).toBe(200);
    }
    for (const host of ['evil.example.com', 'localhost.example.com', '10.0.0.1', 'a b']) {
      expect((await get(host)).status, host).toBe(403);
    }
    expect((await send('GET', '/health', { headers: { host: 'evil.example.com' } })).text).toBe('OK');
    const post = (origin: string, host = 'localhost:5000') =>
      send('POST', '/api/2.0/mlflow/things/create', { body: '{}', headers: { ...json, host, origin } });
    expect((await post('http://localhost:5000')).status).toBe(200);
    expect((await post('https://registry.example.com', 'registry.example.com')).status).toBe(200);
    // A proxy may ask in its own name what a page of the listed host wants.
    expect((await post('https://registry.example.com', '127.0.0.1:5000')).status).toBe(200);
    for (const origin of [
      'https://evil.example.com',
      'null',
      'http://localhost:5000@evil.example.com',
      // Another server of this machine, such as somebody's notebook.
      'http://localhost:8888',
      'http://127.0.0.1:5000',
    ]) {
      expect((await post(origin)).status, origin).toBe(403);
    }
    const read = await send('GET', '/api/2.0/mlflow/things/get', { headers: { origin: 'https://evil.example.com' } });
    expect(read.status).toBe(200);
    expect(read.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it.each([
    ['127.0.0.1:5000', 'http://127.0.0.1:5000'],
    ['localhost:5000', 'http://LOCALHOST:5000'],
    ['[::1]:5000', 'http://[::1]:5000'],
    ['localhost', 'http://localhost'],
    // Behind a proxy that passes Host on, with and without its port, and behind one that puts its target there.
    ['registry.example.com', 'https://registry.example.com'],
    ['registry.example.com:8080', 'http://registry.example.com:8080'],
    ['ml.example.com', 'https://ml.example.com:8443'],
    ['127.0.0.1:5000', 'https://registry.example.com'],
    ['127.0.0.1:5000', 'https://ml.example.com:8443'],
  ])('under the name %s lets pages of %s change things', async (host, origin) => {
    const headers = { ...json, host, origin };
    expect((await send('POST', '/api/2.0/mlflow/things/create', { body: '{}', headers })).status).toBe(200);
  });

  it.each([
    ['127.0.0.1:5000', 'http://127.0.0.1:8888'],
    ['127.0.0.1:5000', 'http://127.0.0.1'],
    ['127.0.0.1:5000', 'http://localhost:5000'],
    ['localhost:443', 'http://localhost'],
    ['localhost', 'https://localhost:80'],
    ['registry.example.com', 'https://registry.example.com:8443'],
    ['ml.example.com', 'https://ml.example.com:8444'],
    ['127.0.0.1:5000', 'https://ml.example.com'],
    ['127.0.0.1:5000', 'ftp://127.0.0.1:5000'],
    ['127.0.0.1:5000', 'http://127.0.0.1:5000/'],
  ])('under the name %s lets pages of %s change nothing', async (host, origin) => {
    for (const [method, path] of [
      ['POST', '/api/2.0/mlflow/things/create'],
      ['DELETE', '/api/2.0/mlflow/things/a'],
      ['PUT', '/api/2.0/bytes/a'],
    ] as const) {
      const refused = await send(method, path, { body: '{}', headers: { ...json, host, origin } });
      expect(refused).toMatchObject({ status: 403, json: { error_code: 'PERMISSION_DENIED' } });
      expect(refused.json['message']).toContain(`expected a page of ${host}, found ${origin}`);
    }
  });

  it('keeps a bug from the client and reports it, and says when to come back', async () => {
    const bug = await send('GET', '/api/2.0/mlflow/broken?x=1');
    expect(bug).toMatchObject({ status: 500, json: { error_code: 'INTERNAL_ERROR', sqlstate: 'XXM00' } });
    expect(bug.text).not.toContain('secret');
    expect(bugs).toEqual(['GET /api/2.0/mlflow/broken: a secret path']);
    const away = await send('GET', '/api/2.0/mlflow/away');
    expect(away).toMatchObject({ status: 503, json: { error_code: 'TEMPORARILY_UNAVAILABLE' } });
    expect(away.headers['retry-after']).toBe('1');
    expect(bugs).toHaveLength(1);
  });

  it('closes at once though the rest of a body that it refused is still coming in', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(1_000_000) });
    const bodied = { ...api('dev'), authenticate: async () => createCaller({ name: 'n', proof: 'token', roles: [] }) };
    const other = await createRegistryServer({ environments: { dev: bodied }, report: () => undefined });
    const url = await other.listen({ host: '127.0.0.1', port: 0 });
    const headers = { 'content-type': 'application/json' };
    const refused = await fetch(`${url}/dev/api/2.0/mlflow/things/create`, { method: 'POST', headers, body });
    expect(refused.status).toBe(403);
    await refused.text();
    // A kept connection would hold it for more than a minute.
    await other.close();
  }, 30_000);

  it('does not start with a route that says no right', async () => {
    const streams = [(scope: FastifyInstance) => void scope.get('/open', async () => ({}))];
    const start = createRegistryServer({ environments: { dev: { ...api('dev'), streams } }, report: () => undefined });
    await expect(start.then((started) => started.ready())).rejects.toThrow('/open');
  });
});

describe('service routes', () => {
  it('answers without credentials, below each prefix, with the headers that browsers need', async () => {
    for (const prefix of ['', '/dev']) {
      expect((await send('GET', `${prefix}/version`)).text).toBe('3.11.1');
      expect((await send('GET', `${prefix}/api/3.0/mlflow/server-info`)).json).toEqual({
        store_type: 'SqlStore',
        workspaces_enabled: false,
      });
    }
    expect((await send('GET', '/health')).headers).toMatchObject({
      'x-frame-options': 'SAMEORIGIN',
      'x-content-type-options': 'nosniff',
    });
  });
});
