import ipaddr from 'ipaddr.js';
import { SuperstepError } from '../../contracts/failure-types.ts';

/** Public addresses that cloud machines find their own secrets behind. */
const METADATA_SERVICES = ['168.63.129.16'];
/** All that is routed on the internet; what lies outside of it is for special purposes, known or to come. */
const GLOBAL_IPV6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** What `notifications.allow` of the policy lists: addresses, blocks and host names. */
export type AllowList = readonly string[];

/** Whether an address is one of the public internet: not of this machine, its network, a group, or a special purpose. */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined || parsed.range() !== 'unicast' || METADATA_SERVICES.includes(parsed.toString()))
    return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6);
}

/** Whether the policy lists the host by name, or the address by itself or in a block. */
export function isListed(host: string, address: string, allow: AllowList): boolean {
  const parsed = parseAddress(address);
  return allow.some((entry) => entry === host || (parsed !== undefined && isWithin(parsed, entry)));
}

/** What a target's address must be like, before anything is looked up. */
export interface TargetRules {
  readonly allow: AllowList;
}

/**
 * Reads the address of a target. What a name stands for is judged at each connect; an address in it is judged here.
 *
 * @throws InvalidInput for an address that no event may be sent to, saying why
 */
export function parseTarget(text: string, { allow }: TargetRules): URL {
  const url = URL.canParse(text) && text.length <= 2048 ? new URL(text) : undefined;
  if (url === undefined) throw refused('it is no address', 'https://host/path of at most 2048 characters');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused(`${url.protocol} is not http`, 'https');
  if (url.username !== '' || url.password !== '')
    throw refused('it holds a name or a password', 'them in `authorization`, which is kept sealed');
  const host = hostOf(url);
  const literal = parseAddress(host);
  const listed = isListed(host, host, allow);
  if (literal !== undefined && !listed && !isPublicAddress(host))
    throw refused(`${host} is an address of a private or special network`, 'a public one');
  // A name may stand for a listed address: that shows at connect.
  if (url.protocol === 'http:' && !listed && !(literal === undefined && allow.some(isBlock)))
    throw refused('http can be read and changed on its way', 'https');
  return url;
}

/** The host of a URL as the address list writes it: no brackets, no dot at the end. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function refused(found: string, expected: string): SuperstepError {
  return new SuperstepError(
    'InvalidInput',
    `Invalid webhook URL: ${found}; expected ${expected}. Targets in the own network are listed in the policy (notifications.allow).`,
  );
}

function isBlock(entry: string): boolean {
  return ipaddr.isValid(entry) || ipaddr.isValidCIDR(entry);
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, entry: string): boolean {
  if (ipaddr.isValidCIDR(entry)) {
    const [network, bits] = ipaddr.parseCIDR(entry);
    return network.kind() === address.kind() && address.match(network, bits);
  }
  return parseAddress(entry)?.toString() === address.toString();
}

/** IPv4 inside of IPv6 counts as the IPv4 that it is. Shorthands such as 127.1 are no addresses here. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.process(text);
}
