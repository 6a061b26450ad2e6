/** A SQL string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A quoted SQL identifier: any column name that a source may have. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quoted identifiers, comma separated, each behind `alias.` when one is given. */
export function identifiers(names: readonly string[], alias?: string): string {
  return names.map((name) => (alias === undefined ? identifier(name) : `${alias}.${identifier(name)}`)).join(', ');
}

/** A TIMESTAMP literal of an ISO instant; the lake keeps all times in UTC. A RangeError when it is no instant. */
export function timestampLiteral(instant: string): string {
  return `TIMESTAMP '${new Date(instant).toISOString().replace('T', ' ').replace('Z', '')}'`;
}

/** Equality of key columns between two aliases that also holds for NULLs. */
export function sameKey(key: readonly string[], left: string, right: string): string {
  return key.map((k) => `${left}.${identifier(k)} IS NOT DISTINCT FROM ${right}.${identifier(k)}`).join(' AND ');
}
