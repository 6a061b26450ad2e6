import type { IncomingHttpHeaders } from 'node:http';
import { RestError } from './rest-errors.ts';

const LOOPBACK = /^(?:localhost|(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const STATE_CHANGING = ['POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Refuses what a foreign web page could make a browser send: a request under another host's name (DNS rebinding), and
 * a change asked for by a page of another origin: of any but the address that was asked, or of a listed host behind
 * whose proxy this server stands. Loopback names are always ours; `hosts` lists others, without port.
 *
 * @throws RestError PERMISSION_DENIED
 */
export function requireOwnHost(method: string, headers: IncomingHttpHeaders, hosts: readonly string[]): void {
  const isListed = (name: string): boolean => hosts.some((host) => host.toLowerCase() === name);
  const name = hostName(headers.host ?? '');
  if (name === undefined || !(LOOPBACK.test(name) || isListed(name))) {
    throw new RestError(
      'PERMISSION_DENIED',
      'Invalid Host header: this server does not go by that name; whoever runs it can list the name as its own',
    );
  }
  const { origin } = headers;
  if (origin === undefined || !STATE_CHANGING.includes(method)) return;
  const authority = /^https?:\/\/([^/]*)$/i.exec(origin)?.[1]?.toLowerCase() ?? '';
  // Another server of this machine is a stranger like any other: its pages are at another port.
  if (authority === headers.host?.toLowerCase() || isListed(hostName(authority) ?? '')) return;
  throw new RestError(
    'PERMISSION_DENIED',
    'Cross-origin request blocked: pages of other sites may not change anything',
  );
}

/** The name of `name:port`, lower case; undefined for what is none. */
function hostName(authority: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.exec(authority.toLowerCase())?.[1];
}
