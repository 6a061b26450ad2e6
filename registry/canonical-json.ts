import { createHash } from 'node:crypto';

/**
 * JSON in one spelling: keys sorted by code unit, no white space, keys without a value left out. Equal content gives
 * equal text, so its sha256 is a digest of the content.
 *
 * @throws RangeError for what JSON cannot say: NaN, infinities, functions, big integers, `undefined` as a value of its own.
 */
export function canonicalJson(value: unknown): string {
  return spell(value, '$');
}

/** Lower-case hex sha256 of a text in UTF-8, or of bytes. */
export function sha256Hex(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function spell(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${path} is ${value}; JSON knows finite numbers only`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item, i) => spell(item, `${path}[${i}]`)).join(',')}]`;
  if (typeof value !== 'object') throw new RangeError(`${path} is a ${typeof value}; JSON has no such value`);
  if (value instanceof Date) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, field]) => `${JSON.stringify(key)}:${spell(field, `${path}.${key}`)}`);
  return `{${fields.join(',')}}`;
}
