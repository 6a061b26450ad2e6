import { MockActivityEnvironment } from '@temporalio/testing';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { confirmServing } from '../../activities/confirm-serving.ts';
import type { PromotionStep } from '../../contracts/promote-model.ts';

const QUESTION = { model: 'flights-delay', version: 7 };
const PATIENCE = { patienceMs: 500, intervalMs: 20 };
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function endpoint(answer: RequestListener): Promise<string> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serving(...versions: string[]): RequestListener {
  return (_, response) => response.end(JSON.stringify({ name: 'flights-delay', versions }));
}

function confirm(
  url: string,
  environment = new MockActivityEnvironment(),
  question = QUESTION,
): Promise<PromotionStep> {
  return environment.run((asked: typeof QUESTION) => confirmServing(url, asked, PATIENCE), question);
}

describe('confirmServing', () => {
  it('is done when the endpoint says that it serves the version; it asks for that model', async () => {
    const asked: (string | undefined)[] = [];
    const url = await endpoint((request, response) => {
      asked.push(request.url);
      serving('7')(request, response);
    });
    const { step, status, note } = await confirm(url);
    expect({ step, status }).toEqual({ step: 'serve', status: 'done' });
    expect(note).toContain('serves version 7');
    await confirm(url, new MockActivityEnvironment(), { model: 'a b/c', version: 7 });
    expect(asked).toEqual(['/v2/models/flights-delay', '/v2/models/a%20b%2Fc']);
  });

  it('waits while the endpoint still serves the old version, restarts, or stumbles', async () => {
    const answers: RequestListener[] = [
      serving('6'),
      (_, response) => response.writeHead(503).end(),
      (_, response) => response.end('{broken'),
      (_, response) => response.destroy(),
      (_, response) => response.end('{}'),
      serving('7'),
    ];
    const url = await endpoint((request, response) => answers.shift()?.(request, response));
    expect((await confirm(url)).status).toBe('done');
    expect(answers).toEqual([]);
  });

  it.each<[string, RequestListener, RegExp]>([
    ['another version', serving('6'), /expected version 7, found 6; the endpoint retries by itself/],
    ['no version', (_, response) => response.end('{}'), /found no version/],
    ['an error', (_, response) => response.writeHead(404).end(), /found status 404/],
  ])('fails, with what it found, when its patience ends on %s', async (_, answer, note) => {
    const step = await confirm(await endpoint(answer));
    expect(step).toMatchObject({ step: 'serve', status: 'failed' });
    expect(step.note).toMatch(note);
  });

  it('fails when nobody listens', async () => {
    const url = await endpoint(serving('7'));
    server?.close();
    await once(server as Server, 'close');
    expect(await confirm(url)).toMatchObject({ status: 'failed' });
  });

  it('ends at once when it is cancelled, also while the endpoint does not answer', async () => {
    for (const answer of [serving('6'), () => undefined]) {
      const environment = new MockActivityEnvironment();
      const url = await endpoint((request, response) => {
        answer(request, response);
        environment.cancel();
      });
      const begun = Date.now();
      await expect(confirm(url, environment)).rejects.toThrow();
      expect(Date.now() - begun).toBeLessThan(2_000);
      server?.closeAllConnections();
      server?.close();
    }
  });
});
