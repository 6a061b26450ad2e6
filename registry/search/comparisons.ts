import type { Knex } from 'knex';
import type { Operator } from './filter-grammar.ts';
import { invalidSearch } from './tokens.ts';

type Value = string | number | readonly string[];

interface Compared {
  readonly operator: Operator;
  readonly value: Value;
}

/** Adds itself to a query. */
export type Condition = (query: Knex.QueryBuilder) => unknown;

const NUMERIC: readonly Operator[] = ['=', '!=', '<', '<=', '>', '>='];
const TEXTUAL: readonly Operator[] = ['=', '!=', 'LIKE', 'ILIKE'];
const LISTING: readonly Operator[] = ['IN', 'NOT IN'];
const LONGEST_PATTERN = 1000;

/** What columns of whole numbers hold; of years, those whose ISO texts sort. */
const WHOLE = {
  integer: { least: -2_147_483_648, most: 2_147_483_647, stored: (value: number): string | number => value },
  bigint: { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER, stored: (value: number) => value },
  instant: {
    least: Date.parse('0000-01-01T00:00:00.000Z'),
    most: Date.parse('9999-12-31T23:59:59.999Z'),
    stored: (value: number): string => new Date(value).toISOString(),
  },
};

/** Is the query for PostgreSQL? Otherwise it is for SQLite. */
export function onPostgres(query: Knex.QueryBuilder): boolean {
  return (query.client as { readonly dialect: string }).dialect === 'postgresql';
}

/**
 * Texts compare by code point and case, on both databases; a NULL matches nothing.
 * @throws InvalidInput for an operator or a value that does not suit a text
 */
export function textComparison(shown: string, column: string, { operator, value }: Compared, lists = false): Condition {
  requireOperator(shown, operator, lists ? [...TEXTUAL, ...LISTING] : TEXTUAL);
  if (typeof value === 'object')
    return (query) => (operator === 'IN' ? query.whereIn(column, value) : query.whereNotIn(column, value));
  if (typeof value === 'number')
    throw invalidSearch('filter', `found the number ${value} for ${shown}, expected a quoted text such as '${value}'`);
  if (operator !== 'LIKE' && operator !== 'ILIKE')
    return (query) => query.where(column, operator === '!=' ? '<>' : operator, value);
  if (value.length > LONGEST_PATTERN)
    throw invalidSearch('filter', `found a pattern of ${value.length} characters, expected at most ${LONGEST_PATTERN}`);
  return (query) => wherePattern(query, column, value, operator === 'ILIKE');
}

/**
 * Metrics: NaN is a mark beside value 0; it equals nothing, is less or greater than nothing, and differs from all.
 * @param table has the columns value and is_nan
 * @throws InvalidInput
 */
export function metricComparison(shown: string, table: string, { operator, value }: Compared): Condition {
  const number = requireNumber(shown, operator, value);
  // Infinities are stored as the greatest finite values.
  const stored = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, number));
  const [isNan, column] = [`${table}.is_nan`, `${table}.value`];
  if (operator !== '=' && operator !== '!=')
    return (query) => query.where(isNan, false).where(column, operator, stored);
  if (operator === '=') return (query) => query.where(isNan, false).where(column, stored);
  return (query) =>
    query.where((either) => {
      either.where(isNan, true).orWhere(column, '<>', stored);
    });
}

/**
 * Whole numbers, and ISO texts that clients compare as milliseconds.
 * @throws InvalidInput
 */
export function wholeComparison(
  shown: string,
  column: string,
  { operator, value }: Compared,
  type: keyof typeof WHOLE,
): Condition {
  const number = requireNumber(shown, operator, value);
  const { least, most, stored } = WHOLE[type];
  // PostgreSQL refuses a fraction, and what the column's type cannot hold: those comparisons are decided here.
  const outside = number > most ? ['<', '<=', '!='] : number < least ? ['>', '>=', '!='] : undefined;
  const between = !Number.isInteger(number) && (operator === '=' || operator === '!=') ? ['!='] : undefined;
  const always = outside ?? between;
  if (always !== undefined)
    return (query) => (always.includes(operator) ? query.whereNotNull(column) : query.whereRaw('1 = 0'));
  const round = operator === '<' || operator === '>=' ? Math.ceil : Math.floor;
  return (query) => query.where(column, operator === '!=' ? '<>' : operator, stored(round(number)));
}

/**
 * `%` is any run of characters, `_` any one, nothing is escaped. SQLite's LIKE takes a for A and leaves ä apart from Ä,
 * so it gets a GLOB; PostgreSQL's ILIKE folds as the database's locale says, so it gets a regular expression.
 */
function wherePattern(query: Knex.QueryBuilder, column: string, pattern: string, anyCase: boolean): void {
  if (pattern.length > LONGEST_PATTERN)
    throw invalidSearch(
      'filter',
      `found a pattern of ${pattern.length} characters, expected at most ${LONGEST_PATTERN}`,
    );
  if (!onPostgres(query)) query.whereRaw('?? glob ?', [column, globOf(pattern, anyCase)]);
  else if (anyCase) query.whereRaw('?? ~ ?', [column, regexOf(pattern)]);
  else query.whereRaw(`?? like ? escape ''`, [column, pattern]);
}

function globOf(pattern: string, anyCase: boolean): string {
  const one = (char: string): string => {
    if (char === '%') return '*';
    if (char === '_') return '?';
    if (char === '*' || char === '?' || char === '[') return `[${char}]`;
    return anyCase ? casesOf(char) : char;
  };
  return [...runsOfPercentOnce(pattern)].map(one).join('');
}

function regexOf(pattern: string): string {
  const one = (char: string): string => {
    if (char === '%') return '.*';
    if (char === '_') return '.';
    return /[\p{L}\p{N}\s]/u.test(char) || (char.codePointAt(0) ?? 0) > 127 ? casesOf(char) : `\\${char}`;
  };
  return `^${[...runsOfPercentOnce(pattern)].map(one).join('')}$`;
}

/** `%%` says no more than `%`, and takes the databases longer. */
function runsOfPercentOnce(pattern: string): string {
  return pattern.replace(/%+/g, '%');
}

/** `[aA]`, or the character alone when it has no other case of one character. */
function casesOf(char: string): string {
  const cases = [...new Set([char, char.toLowerCase(), char.toUpperCase()])].filter((c) => [...c].length === 1);
  return cases.length === 1 ? char : `[${cases.join('')}]`;
}

function requireNumber(shown: string, operator: Operator, value: Value): number {
  requireOperator(shown, operator, NUMERIC);
  if (typeof value === 'number') return value;
  throw invalidSearch('filter', `found a quoted text for ${shown}, expected a number without quotes`);
}

function requireOperator(shown: string, operator: Operator, allowed: readonly Operator[]): void {
  if (!allowed.includes(operator))
    throw invalidSearch('filter', `found ${operator} for ${shown}, expected ${allowed.join(' ')}`);
}
