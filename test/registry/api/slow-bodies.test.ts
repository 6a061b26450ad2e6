import { once } from 'node:events';
import { connect, type Socket, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRegistryServer } from '../../../registry/api/server.ts';
import { createCaller } from '../../../registry/identity/rights.ts';

const PATIENCE_MS = 400;

let app: FastifyInstance;
let bugs: string[];
/** Requests that failed, reported or not. */
let failed: number;
beforeEach(async () => {
  bugs = [];
  failed = 0;
  app = await createRegistryServer({
    environments: {
      prod: {
        environment: 'prod',
        routes: [{ method: 'POST', path: '/things', needs: 'read', handle: () => Promise.resolve({ made: true }) }],
        streams: [
          (scope) => {
            scope.removeAllContentTypeParsers();
            scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
            scope.put('/bytes', { config: { needs: 'read' } }, async (request) => {
              let bytes = 0;
              for await (const piece of request.body as AsyncIterable<Buffer>) bytes += piece.length;
              return { bytes };
            });
          },
        ],
        authenticate: () => Promise.resolve(createCaller({ name: 'reader', proof: 'token', roles: ['viewer'] })),
      },
    },
    patienceMs: PATIENCE_MS,
    report: (error, request) => bugs.push(`${request}: ${(error as Error).message}`),
  });
  app.addHook('onError', () => Promise.resolve(void (failed += 1)));
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

/** A request whose body has begun. */
async function begin(method: string, path: string, length: number): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  const type = 'content-type: application/json; charset=utf-8';
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${type}\r\ncontent-length: ${length}\r\n\r\n `);
  return socket;
}

/** Sends a byte now and then, until the server has had enough or all is sent. */
async function drip(socket: Socket, bytes: number): Promise<number> {
  for (let sent = 0; sent < bytes; sent++) {
    if (socket.destroyed || !socket.writable) return sent;
    socket.write(' ');
    await pause(PATIENCE_MS / 8);
  }
  return bytes;
}

/** Waits until so many requests have failed, and whoever reports that has done so. */
async function failures(count: number): Promise<void> {
  await vi.waitFor(() => expect(failed).toBe(count));
  await new Promise(setImmediate);
}

describe('a body that does not come in', () => {
  it.each([
    // Of one that is not heard of again, nobody is told.
    ['POST', '/api/2.0/things', 0],
    ['PUT', '/bytes', 1],
  ])('of %s %s ends its connection, and is no bug', async (method, path, told) => {
    const socket = await begin(method, path, 1_000);
    await once(socket, 'close');
    await failures(told);
    expect(bugs).toEqual([]);
  });

  it('but drop by drop is waited for where it is a file, and not where it is JSON', async () => {
    const [file, json] = [await begin('PUT', '/bytes', 25), await begin('POST', '/api/2.0/things', 1_000)];
    let answer = '';
    file.on('data', (piece: Buffer) => (answer += piece.toString()));
    const dripping = drip(json, 999);
    expect(await drip(file, 24)).toBe(24);
    while (!answer.includes('"bytes":25')) await once(file, 'data');
    expect(await dripping).toBeLessThan(999);
    expect(bugs).toEqual([]);
    file.destroy();
  });

  it('since its client left is no bug', async () => {
    for (const [method, path] of [
      ['POST', '/api/2.0/things'],
      ['PUT', '/bytes'],
    ] as const) {
      const socket = await begin(method, path, 1_000);
      const left = once(socket, 'close');
      socket.destroy();
      await left;
    }
    await failures(2);
    expect(bugs).toEqual([]);
  });

  it('does not keep the server from closing', async () => {
    await begin('POST', '/api/2.0/things', 1_000);
    await begin('PUT', '/bytes', 1_000);
    await app.close();
  });
});
