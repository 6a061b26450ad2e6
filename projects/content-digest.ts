import { createHash } from 'node:crypto';

/** JSON in one spelling: keys sorted by code unit, no white space, keys without a value left out. For parsed JSON and YAML. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, field]) => [key, canonical(field)]),
  );
}

/** Lower-case hex sha256 over a JSON value's content: the order of keys does not count. */
export function contentDigest(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(value)))
    .digest('hex');
}
