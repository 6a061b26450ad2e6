import type { IncomingHttpHeaders } from 'node:http';
import { RestError } from './rest-errors.ts';

const LOOPBACK = /^(?:localhost|(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const STATE_CHANGING = ['POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Refuses what a foreign web page could make a browser send: a request under another host's name (DNS rebinding), and
 * a change asked for by a page of another origin, be it another port of this machine. Loopback names are always ours;
 * `hosts` lists others, each with the port that browsers show, if they show one.
 *
 * @throws RestError PERMISSION_DENIED
 */
export function requireOwnHost(method: string, headers: IncomingHttpHeaders, hosts: readonly string[]): void {
  const host = readAuthority(headers.host ?? '');
  const listed = hosts.map(readAuthority).filter((one) => one !== undefined);
  if (host === undefined || !(LOOPBACK.test(host.name) || listed.some(({ name }) => name === host.name))) {
    throw new RestError(
      'PERMISSION_DENIED',
      'Invalid Host header: this server does not go by that name; whoever runs it can list the name as its own',
    );
  }
  const { origin } = headers;
  if (origin === undefined || !STATE_CHANGING.includes(method)) return;
  // A proxy may have put its own target into Host; what browsers see is then known from the list alone.
  if ([host, ...listed].some((own) => isOriginOf(origin, own))) return;
  throw new RestError(
    'PERMISSION_DENIED',
    `Cross-origin request blocked: pages of other sites and ports may not change anything; expected a page of ${headers.host ?? ''}, found ${origin.slice(0, 200)}`,
  );
}

/** `name:port` of a URL, the name in lower case. */
interface Authority {
  readonly name: string;
  readonly port: string | undefined;
}

/** Undefined for what is none. */
function readAuthority(text: string): Authority | undefined {
  const [, name, port] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text.toLowerCase()) ?? [];
  return name === undefined ? undefined : { name, port };
}

/** Whether pages of the origin were served by `own`. Neither says the port that its scheme has by itself. */
function isOriginOf(origin: string, own: Authority): boolean {
  const [, scheme = '', authority = ''] = /^(https?):\/\/([^/]*)$/.exec(origin.toLowerCase()) ?? [];
  const found = readAuthority(authority);
  if (found === undefined || found.name !== own.name) return false;
  const usual = scheme === 'https' ? '443' : '80';
  return (found.port ?? usual) === (own.port ?? usual);
}
