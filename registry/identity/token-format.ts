import { randomBytes, timingSafeEqual } from 'node:crypto';
import { sha256Hex } from '../canonical-json.ts';

const PREFIX = 'ss_';
const SECRET_BYTES = 32;
const TOKEN = /^ss_[A-Za-z0-9_-]{43}$/;

/** A new token: a prefix that scanners for leaked secrets can look for, and 256 random bits. */
export function newToken(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** Whether a text has the shape of a token of ours. */
export function isTokenShaped(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * What is stored of a token. Plain sha256 is enough here, where a password would need salt and a slow hash: nobody
 * guesses 256 random bits, so neither tables nor speed help whoever reads the hashes.
 */
export function tokenHash(token: string): string {
  return sha256Hex(token);
}

/** How people name a token without knowing it: the first 16 hex digits of its hash. */
export function tokenId(token: string): string {
  return tokenHash(token).slice(0, 16);
}

/** Compares two texts in a time that does not depend on where they differ. */
export function sameText(a: string, b: string): boolean {
  // Hashes have one length, whatever the texts have.
  return timingSafeEqual(Buffer.from(sha256Hex(a), 'hex'), Buffer.from(sha256Hex(b), 'hex'));
}
