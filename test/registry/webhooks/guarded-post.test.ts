import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guardedPost } from '../../../registry/webhooks/guarded-post.ts';
import { startReceiver, type Receiver } from './receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

const LOCAL = { allow: ['127.0.0.0/8', '::1'] };
const post = (url: string, options: Parameters<typeof guardedPost>[1] = LOCAL) =>
  guardedPost({ url, headers: { 'x-test': '1' }, body: '{"ü":1}' }, options);

describe('a guarded post', () => {
  it('sends the body and answers the status', async () => {
    receiver.answer(201);
    expect(await post(receiver.url)).toEqual({ status: 201 });
    const got = receiver.received.at(-1);
    expect(got?.body).toBe('{"ü":1}');
    expect(got?.headers).toMatchObject({ 'content-type': 'application/json', 'x-test': '1' });
  });

  it('follows no redirect', async () => {
    receiver.answer((response) => response.writeHead(307, { location: `${receiver.url}/elsewhere` }).end());
    const before = receiver.received.length;
    expect(await post(receiver.url)).toEqual({ status: 307 });
    expect(receiver.received.length).toBe(before + 1);
  });

  it('goes to no address that a name stands for unless that is listed', async () => {
    const before = receiver.received.length;
    const named = receiver.url.replace('127.0.0.1', 'localhost');
    // Plain http reaches no name while nothing is listed; one that hides a listed block is judged when it is looked up.
    await expect(post(named, { allow: [] })).rejects.toMatchObject({ type: 'InvalidInput' });
    expect(await post(named, { allow: ['10.0.0.0/8'] })).toEqual({ problem: 'address not allowed' });
    expect(await post(named.replace('http', 'https'), { allow: [] })).toEqual({ problem: 'address not allowed' });
    expect(receiver.received.length).toBe(before);
  });

  it('reaches a listed name', async () => {
    receiver.answer(200);
    const named = receiver.url.replace('127.0.0.1', 'localhost');
    expect(await post(named, { allow: ['localhost'] })).toEqual({ status: 200 });
  });

  it('waits only so long, for a head as for a connection', async () => {
    receiver.answer(() => undefined);
    expect(await post(receiver.url, { ...LOCAL, answerWithinMs: 200 })).toEqual({ problem: 'no answer' });
  });

  it('tells of a closed port no more than that there was no connection', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ problem: 'no connection' });
  });

  it('does not read an answer that never ends', async () => {
    receiver.answer((response) => {
      response.writeHead(200);
      const flood = setInterval(() => response.write('x'.repeat(65_536)), 1);
      response.on('close', () => clearInterval(flood));
    });
    expect(await post(receiver.url)).toEqual({ status: 200 });
  });

  it('stops when it is told to', async () => {
    receiver.answer(() => stop.abort());
    const stop = new AbortController();
    expect(await post(receiver.url, { ...LOCAL, signal: stop.signal })).toEqual({ problem: 'no connection' });
  });

  it('sends no body that is too large', async () => {
    const large = { url: receiver.url, headers: {}, body: 'x'.repeat(300_000) };
    await expect(guardedPost(large, LOCAL)).rejects.toThrow(RangeError);
  });
});
