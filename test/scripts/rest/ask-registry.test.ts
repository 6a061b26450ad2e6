import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { askRegistry } from '../../../scripts/rest/ask-registry.ts';

it.each([
  [401, true],
  [403, false],
])('a refusal with %d is told in the server’s words, and where scripts take a token from: %s', async (status, told) => {
  const server = createServer((_request, response) => {
    response.writeHead(status).end(JSON.stringify({ error_code: 'NO', message: 'this needs a token' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const error: unknown = await askRegistry({ method: 'GET', url, token: undefined }).catch((e: unknown) => e);
  expect((error as Error).message).toContain(`the registry refused (${status} NO): this needs a token`);
  expect((error as Error).message.includes('SUPERSTEP_TOKEN')).toBe(told);
});
