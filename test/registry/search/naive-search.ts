/** What a search means, said as plainly as can be: every row, every clause, no index, no SQL. */
export interface Row {
  readonly id: string;
  readonly texts: Readonly<Record<string, string | null>>;
  readonly numbers: Readonly<Record<string, number | null>>;
  /** Of a key the value that orders comes first. */
  readonly metrics: Readonly<Record<string, readonly number[]>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly datasets: readonly { readonly name: string; readonly digest: string; readonly context: string | null }[];
}

export interface Question {
  readonly kind: 'text' | 'number' | 'metric' | 'param' | 'tag' | 'dataset';
  readonly key: string;
  readonly operator: string;
  readonly value: string | number | readonly string[];
}

export interface Order {
  readonly kind: 'text' | 'number' | 'metric' | 'param' | 'tag';
  readonly key: string;
  readonly descending: boolean;
}

export function holds(row: Row, { kind, key, operator, value }: Question): boolean {
  const candidates: readonly (string | number | null | undefined)[] = {
    text: () => [row.texts[key]],
    number: () => [row.numbers[key]],
    metric: () => row.metrics[key] ?? [],
    param: () => [row.params[key]],
    tag: () => [row.tags[key]],
    dataset: () => row.datasets.map((dataset) => dataset[key as 'name' | 'digest' | 'context']),
  }[kind]();
  const present = candidates.filter((found) => found !== undefined && found !== null);
  if (operator === 'IS NULL') return present.length === 0;
  if (operator === 'IS NOT NULL') return present.length > 0;
  return candidates.some((found) => found !== undefined && found !== null && compares(found, operator, value));
}

export function inOrder(rows: readonly Row[], orders: readonly Order[], last: (a: Row, b: Row) => number): Row[] {
  return rows.toSorted((a, b) => {
    for (const order of orders) {
      const found = compareBy(order, valueOf(a, order), valueOf(b, order));
      if (found !== 0) return found;
    }
    return last(a, b);
  });
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function compares(found: string | number, operator: string, value: Question['value']): boolean {
  switch (operator) {
    case '=':
      return found === value;
    case '!=':
      return found !== value;
    case '<':
      return found < value;
    case '<=':
      return found <= value;
    case '>':
      return found > value;
    case '>=':
      return found >= value;
    case 'LIKE':
      return isLike(found, value, 'su');
    case 'ILIKE':
      return isLike(found, value, 'sui');
    case 'IN':
      return (value as readonly string[]).includes(found as string);
    case 'NOT IN':
      return !(value as readonly string[]).includes(found as string);
    default:
      throw new Error(`no such operator: ${operator}`);
  }
}

function isLike(found: string | number, pattern: Question['value'], flags: string): boolean {
  const body = [...(pattern as string)]
    .map((char) => (char === '%' ? '.*' : char === '_' ? '.' : char.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')))
    .join('');
  return new RegExp(`^${body}$`, flags).test(found as string);
}

function valueOf(row: Row, { kind, key }: Order): string | number | null | undefined {
  if (kind === 'text') return row.texts[key];
  if (kind === 'number') return row.numbers[key];
  if (kind === 'metric') return row.metrics[key]?.[0];
  return kind === 'param' ? row.params[key] : row.tags[key];
}

function compareBy({ descending }: Order, a: ReturnType<typeof valueOf>, b: ReturnType<typeof valueOf>): number {
  const rank = (value: typeof a): number => (value === null || value === undefined ? 2 : Number.isNaN(value) ? 1 : 0);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (rank(a) > 0) return 0;
  const up = typeof a === 'string' ? byBytes(a, b as string) : Math.sign((a as number) - (b as number)) || 0;
  return descending ? -up : up;
}
