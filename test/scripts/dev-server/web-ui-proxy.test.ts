import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, request, type RequestListener, type RequestOptions } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../../../scripts/dev-server/ports.ts';
import { startWebUiProxy } from '../../../scripts/dev-server/web-ui-proxy.ts';

const HOST = '127.0.0.1';

async function upstreamThat(listener: RequestListener): Promise<string> {
  // Of headers it takes what the Web UI takes.
  const server = createServer({ maxHeaderSize: 1 << 20 }, listener).listen(0, HOST);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://${HOST}:${(server.address() as AddressInfo).port}`;
}

/** A proxy in front of what a listener answers. */
async function proxyTo(listener: RequestListener): Promise<number> {
  const proxy = await startWebUiProxy({ port: 0, upstream: await upstreamThat(listener) });
  onTestFinished(proxy.stop);
  return Number(new URL(proxy.url).port);
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

async function ask(port: number, options: RequestOptions = {}, body?: string): Promise<Answer> {
  const asked = request({ host: HOST, port, agent: false, ...options });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await text(answer), headers: answer.headers };
}

/** Sends bytes as they are, and reads until the connection ends. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, HOST);
  socket.write(bytes);
  return text(socket);
}

describe('who may ask for the Web UI', () => {
  async function guarded(): Promise<{ readonly port: number; readonly seen: string[] }> {
    const seen: string[] = [];
    const port = await proxyTo((asked, response) => {
      seen.push(asked.url ?? '');
      response.end('web ui');
    });
    return { port, seen };
  }

  it.each(['127.0.0.1', 'localhost', 'LocalHost', '[::1]'])(
    '%s with the port, with and without Origin',
    async (name) => {
      const { port } = await guarded();
      const host = `${name}:${port}`;
      for (const headers of [
        { host },
        { host, origin: `http://${host}` },
        { host, origin: `http://localhost:${port}` },
      ]) {
        expect(await ask(port, { headers })).toMatchObject({ status: 200, body: 'web ui' });
      }
    },
  );

  it.each([
    ['another name', (port: number) => `evil.example:${port}`],
    ['a name below localhost', (port: number) => `evil.localhost:${port}`],
    ['a name that begins like ours', (port: number) => `127.0.0.1.evil.example:${port}`],
    ['another loopback address', (port: number) => `127.0.0.2:${port}`],
    ['another port', (port: number) => `127.0.0.1:${port + 1}`],
    ['no port', () => '127.0.0.1'],
  ])('no request under %s', async (_, hostOf) => {
    const { port, seen } = await guarded();
    const host = hostOf(port);
    const { status, body, headers } = await ask(port, { headers: { host, origin: `http://${host}` } });
    expect(status).toBe(403);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body).toContain(`Expected it to be asked for under 127.0.0.1:${port}, localhost:${port}, [::1]:${port}`);
    expect(body).toContain(`found the host "${host}". Open http://127.0.0.1:${port}/ instead`);
    expect(seen).toEqual([]);
  });

  it.each([
    ['another site', () => 'http://evil.example'],
    ['another port of this machine', (port: number) => `http://127.0.0.1:${port + 1}`],
    ['https', (port: number) => `https://127.0.0.1:${port}`],
    ['a sandbox', () => 'null'],
    ['nowhere', () => ''],
  ])('no page of %s, whatever the method', async (_, originOf) => {
    const { port, seen } = await guarded();
    const origin = originOf(port);
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const { status, body } = await ask(port, { method, headers: { host: `127.0.0.1:${port}`, origin } });
      expect(status).toBe(403);
      expect(body).toContain(`Expected no origin, or one of http://127.0.0.1:${port}, `);
      expect(body).toContain(`found "${origin}". Open http://127.0.0.1:${port}/ itself`);
    }
    expect(seen).toEqual([]);
  });

  it('nobody who names no host', async () => {
    const { port, seen } = await guarded();
    expect(await sendRaw(port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
    expect(seen).toEqual([]);
  });
});

describe('what is passed on', () => {
  it('is method, path to the letter, headers and status, but for what speaks of one connection', async () => {
    const port = await proxyTo((asked, response) => {
      const { connection, te, ...headers } = asked.headers;
      response.writeHead(418, { 'set-cookie': ['a=1', 'b=2'], 'x-kept': 'yes', 'keep-alive': 'timeout=77' });
      response.end(JSON.stringify({ method: asked.method, url: asked.url, connection, te, headers }));
    });
    const url = '/namespaces/prod/workflows/promote-model%2Fm%2F1//..%2f?query=a%20b+c&x=%C3%A4';
    const headers = {
      host: `localhost:${port}`,
      cookie: '_csrf=x',
      'x-csrf-token': 'x',
      te: 'trailers',
      'x-two': ['1', '2'],
    };
    const { status, body, headers: answered } = await ask(port, { method: 'PUT', path: url, headers }, 'body');
    expect(status).toBe(418);
    expect(answered).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'x-kept': 'yes' });
    expect(answered.connection).toBe('close');
    expect(answered['keep-alive']).not.toBe('timeout=77');
    expect((await ask(port, { headers: { connection: 'keep-alive' } })).headers.connection).toBe('keep-alive');
    expect(JSON.parse(body)).toEqual({
      method: 'PUT',
      url,
      connection: 'close',
      headers: {
        host: `localhost:${port}`,
        cookie: '_csrf=x',
        'x-csrf-token': 'x',
        'x-two': '1, 2',
        'content-length': '4',
      },
    });
  });

  it('is a body as it comes, in both directions', async () => {
    const port = await proxyTo((asked, response) => void asked.pipe(response));
    const asked = request({ host: HOST, port, method: 'POST', agent: false });
    asked.write('first');
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    expect(String((await once(answer, 'data'))[0])).toBe('first');
    asked.end('second');
    expect(await text(answer)).toBe('second');
  });

  it('is a body of any size', async () => {
    const port = await proxyTo((asked, response) => void asked.pipe(response));
    const body = 'x'.repeat(8 << 20);
    expect((await ask(port, { method: 'POST' }, body)).body.length).toBe(body.length);
  });

  it('is one request where one was sent, also when a body of chunks comes with a method that has none', async () => {
    const seen: string[] = [];
    const port = await proxyTo((asked, response) => {
      void text(asked).then((body) => {
        seen.push(`${asked.method} ${asked.url} ${body}`);
        response.end();
      });
    });
    const inner = 'POST /inner HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n';
    const chunk = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
    const head = `DELETE /outer HTTP/1.1\r\nhost: localhost:${port}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n`;
    expect(await sendRaw(port, head + chunk)).toMatch(/^HTTP\/1\.1 200 /);
    expect(seen).toEqual([`DELETE /outer ${inner}`]);
  });

  it('is many cookies, for a browser sends those of all ports of a host', async () => {
    const port = await proxyTo((asked, response) => response.end(String(asked.headers.cookie?.length)));
    const cookie = Array.from({ length: 100 }, (_, index) => `c${index}=${'x'.repeat(400)}`).join('; ');
    expect(await ask(port, { headers: { cookie } })).toMatchObject({ status: 200, body: String(cookie.length) });
  });
});

describe('when one side goes away', () => {
  it('ends the request to the Web UI when the client leaves', async () => {
    const arrivals = new EventEmitter();
    const port = await proxyTo((asked) => void arrivals.emit('request', asked));
    const arrival = once(arrivals, 'request') as Promise<[IncomingMessage]>;
    const asked = request({ host: HOST, port, agent: false }).on('error', () => undefined);
    asked.end();
    const [{ socket }] = await arrival;
    const closed = once(socket, 'close');
    asked.destroy();
    await closed;
  });

  it('answers 502 while the Web UI is not up, also to a request with a body, and works when it is', async () => {
    const { ui: port } = await freePorts();
    const proxy = await startWebUiProxy({ port: 0, upstream: `http://${HOST}:${port}` });
    onTestFinished(proxy.stop);
    const own = Number(new URL(proxy.url).port);
    for (const body of [undefined, 'x'.repeat(1 << 20)]) {
      const answer = await ask(own, { method: 'POST' }, body);
      expect(answer.status).toBe(502);
      expect(answer.body).toMatch(/does not answer \(ECONNREFUSED\).*Load this page again.*temporal\.log/);
    }
    const late = createServer((_, response) => response.end('up')).listen(port, HOST);
    await once(late, 'listening');
    onTestFinished(() => void late.close());
    expect(await ask(own)).toMatchObject({ status: 200, body: 'up' });
  });

  it('breaks an answer off that the Web UI breaks off, rather than let it look whole', async () => {
    const port = await proxyTo((_, response) => {
      response.write('half');
      response.socket?.end();
    });
    await expect(ask(port)).rejects.toThrow(/aborted|hang up/);
  });

  it('ends open connections when it is stopped, and can be stopped twice', async () => {
    const proxy = await startWebUiProxy({ port: 0, upstream: await upstreamThat(() => undefined) });
    const asked = request(proxy.url);
    const failed = once(asked, 'error');
    asked.end();
    await once(asked, 'finish');
    await proxy.stop();
    await failed;
    await proxy.stop();
  });
});

it('says which variable moves a port that is in use', async () => {
  const blocker = createTcpServer().listen(0, HOST);
  await once(blocker, 'listening');
  onTestFinished(() => void blocker.close());
  const { port } = blocker.address() as AddressInfo;
  await expect(startWebUiProxy({ port, upstream: 'http://127.0.0.1:1' })).rejects.toThrow(
    `port ${port}, for the Temporal Web UI, is in use: free it, or set SUPERSTEP_UI_PORT`,
  );
});
