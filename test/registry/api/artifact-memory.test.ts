import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';

const inCi = process.env['CI'] !== undefined && process.env['CI'] !== '';
// By hand with 2048: SUPERSTEP_TEST_ARTIFACT_MIB=2048 npx vitest run test/registry/api/artifact-memory.test.ts
const MIB = Number(process.env['SUPERSTEP_TEST_ARTIFACT_MIB'] ?? (inCi ? 2048 : 200));
const PATH = '/api/2.0/mlflow-artifacts/artifacts/0/large.bin';

let server: ChildProcess;
let port: number;
beforeAll(async () => {
  server = fork(new URL('artifact-server-process.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
  const [message] = (await once(server, 'message')) as [{ port: number }];
  port = message.port;
});
afterAll(async () => {
  if (server.exitCode !== null) return;
  server.send('close');
  await once(server, 'exit');
});

async function peak(): Promise<number> {
  server.send('memory');
  const [memory] = (await once(server, 'message')) as [{ peak: number; now: number }];
  return memory.peak;
}

/** A mebibyte at a time, each another one. */
function* pieces(): Generator<Buffer> {
  for (let i = 0; i < MIB; i++) yield Buffer.alloc(1024 * 1024, `piece ${i} `);
}

it(`takes and gives ${MIB} MiB with flat memory`, { timeout: 600_000 }, async () => {
  const sent = createHash('sha256');
  for (const piece of pieces()) sent.update(piece);
  const before = await peak();

  const put = httpRequest({
    host: '127.0.0.1',
    port,
    path: PATH,
    method: 'PUT',
    headers: { 'content-length': MIB * 1024 * 1024 },
  });
  const answered = once(put, 'response') as Promise<[IncomingMessage]>;
  await pipeline(Readable.from(pieces()), put);
  const [answer] = await answered;
  answer.resume();
  expect(answer.statusCode).toBe(200);
  const afterPut = await peak();

  const get = httpRequest({ host: '127.0.0.1', port, path: PATH });
  const got = once(get, 'response') as Promise<[IncomingMessage]>;
  get.end();
  const received = createHash('sha256');
  await pipeline((await got)[0], received);
  expect(received.digest('hex')).toBe(sent.digest('hex'));
  const afterGet = await peak();

  // Nothing holds the body: what grows is what streams and the collector hold between two collections.
  const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024);
  const growth = { put: mib(afterPut - before), get: mib(afterGet - afterPut) };
  expect(growth.put + growth.get, JSON.stringify(growth)).toBeLessThan(100);
  if (MIB > 200) console.warn({ before: mib(before), ...growth });
});
