import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProxyServer } from 'httpxy';
import { HOST, portsTaken, webUiPort } from './ports.ts';

export interface WebUiProxyOptions {
  /** On loopback; 0: a free one. */
  readonly port: number;
  /** Where the Web UI listens, for example `http://127.83.4.201:40123`. */
  readonly upstream: string;
}

export interface WebUiProxy {
  /** Under which people open the Web UI. */
  readonly url: string;
  /** Ends requests under way, too. */
  readonly stop: () => Promise<void>;
}

const NAMES = [HOST, 'localhost', '[::1]'];
/** What speaks of one connection only, so is not passed on. Not transfer-encoding: it says where a body ends. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
];
/** What the Web UI itself takes. Browsers send the cookies of all of a host's ports to each of them. */
const MAX_HEADER_BYTES = 1 << 20;

/**
 * A reverse proxy in front of the development server's Web UI, which answers under any name and so takes orders from
 * any page whose owner lets its name point here (DNS rebinding). Passed on is what was asked under a loopback name and
 * this port, by no page (no Origin) or by a page of the Web UI; all else is answered with 403, and with 502 while the
 * Web UI is not up. Bodies are streamed, without a limit of size or time.
 *
 * @throws when the port is in use
 */
export async function startWebUiProxy({ port, upstream }: WebUiProxyOptions): Promise<WebUiProxy> {
  // Each request has a connection of its own: one that was kept would be a dead one after a restart of the server.
  const proxy = createProxyServer({ target: upstream, agent: false });
  proxy.on('proxyRes', ({ headers }, _request, response) => {
    dropHopByHop(headers);
    headers.connection = response.shouldKeepAlive ? 'keep-alive' : 'close';
  });
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0 });
  await listen(server, port);
  const hosts = hostsOf((server.address() as AddressInfo).port);
  server.on('request', (request, response) => {
    const fault = faultOf(request.headers, hosts);
    if (fault !== undefined) return answer(response, 403, fault);
    dropHopByHop(request.headers);
    proxy.web(request, response).catch((error: NodeJS.ErrnoException) => {
      // Once the answer has begun, or nobody waits for it, there is nothing to say; the library ends both sides.
      if (!response.headersSent && !response.destroyed) answer(response, 502, notUp(error));
    });
  });
  return {
    url: `http://${hosts[0]}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** As browsers write them in Host: without a port that is HTTP's own. */
function hostsOf(port: number): string[] {
  return NAMES.map((name) => new URL(`http://${name}:${port}`).host);
}

/** What is wrong with where a request says it goes to and comes from; undefined when nothing is. */
function faultOf({ host = '', origin }: IncomingHttpHeaders, hosts: readonly string[]): string | undefined {
  const own = `http://${hosts[0]}`;
  if (!hosts.includes(host.toLowerCase())) {
    return `This is the Temporal Web UI of ${own}. Expected it to be asked for under ${hosts.join(', ')}; found the host "${host}". Open ${own}/ instead; through a tunnel, use port ${new URL(own).port || 80} at both ends.`;
  }
  if (origin === undefined || hosts.some((one) => origin.toLowerCase() === `http://${one}`)) return undefined;
  return `This is the Temporal Web UI of ${own}, which takes requests from its own pages only. Expected no origin, or one of ${hosts.map((one) => `http://${one}`).join(', ')}; found "${origin}". Open ${own}/ itself; programs ask Temporal's own port.`;
}

function notUp({ code, message }: NodeJS.ErrnoException): string {
  return `The Temporal Web UI does not answer (${code ?? message}): the Temporal server starts, or starts again after it died. Load this page again in a few seconds; if it stays so, look into temporal.log in Superstep's home folder.`;
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(`${text}\n`);
}

function dropHopByHop(headers: IncomingHttpHeaders): void {
  for (const name of HOP_BY_HOP) delete headers[name];
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portsTaken([webUiPort(port)]) : error);
    });
    server.listen(port, HOST, resolve);
  });
}
