import { invalidSearch, show, tokenize, type Token } from './tokens.ts';

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'LIKE' | 'ILIKE' | 'IN' | 'NOT IN' | Presence;
/** Whether a key is there; they compare with nothing. */
export type Presence = 'IS NULL' | 'IS NOT NULL';

/** What a clause or an order names: `entity` is null for a bare name. */
export interface Name {
  readonly entity: string | null;
  readonly key: string;
}

/** One comparison. `value` is a list for IN and NOT IN alone, and empty for IS NULL and IS NOT NULL. */
export interface Clause {
  readonly left: Name;
  readonly operator: Operator;
  readonly value: string | number | readonly string[];
}

export interface OrderTerm extends Name {
  readonly descending: boolean;
}

const MOST_CLAUSES = 100;
const MOST_LISTED = 1000;
const MOST_ORDER_TERMS = 20;
const FILTER = 'filter';
const ORDER = 'order_by';

/**
 * Reads `a = 'x' AND metrics.b > 1`; an empty text is no clause at all. Whether the names exist, and which operators
 * suit them, is the searched table's affair.
 * @throws InvalidInput with what was found and what was expected
 */
export function parseFilter(filter: string): Clause[] {
  const tokens = tokenize(filter, FILTER);
  const clauses: Clause[] = [];
  for (let at = 0; at < tokens.length;) {
    if (clauses.length === MOST_CLAUSES)
      throw invalidSearch(FILTER, `found more than ${MOST_CLAUSES} comparisons; ask in parts`);
    if (clauses.length > 0) {
      if (!isKeyword(tokens[at], 'AND'))
        throw invalidSearch(FILTER, `found ${show(tokens[at])}, expected AND (OR, NOT and parentheses are not known)`);
      at += 1;
    }
    const { clause, next } = clauseAt(tokens, at);
    clauses.push(clause);
    at = next;
  }
  return clauses;
}

/**
 * Reads `metrics.auc DESC`, one text a term.
 * @throws InvalidInput
 */
export function parseOrderBy(texts: readonly string[]): OrderTerm[] {
  if (texts.length > MOST_ORDER_TERMS)
    throw invalidSearch(ORDER, `found ${texts.length} terms, expected at most ${MOST_ORDER_TERMS}`);
  return texts.map((text) => {
    const [first, direction, more] = tokenize(text, ORDER);
    const name = nameOf(first);
    if (name === undefined) throw invalidSearch(ORDER, `found ${show(first)}, expected a name such as metrics.auc`);
    const descending = isKeyword(direction, 'DESC');
    if (more !== undefined || (direction !== undefined && !descending && !isKeyword(direction, 'ASC')))
      throw invalidSearch(ORDER, `found ${show(more ?? direction)} behind the name, expected ASC, DESC or nothing`);
    return { ...name, descending };
  });
}

interface ClauseEnd {
  readonly clause: Clause;
  readonly next: number;
}

function clauseAt(tokens: readonly Token[], at: number): ClauseEnd {
  const left = nameOf(tokens[at]);
  if (left === undefined)
    throw invalidSearch(FILTER, `found ${show(tokens[at])}, expected a name such as metrics.auc or tags.\`a b\``);
  const presence = presenceAt(tokens, at + 1);
  if (presence !== undefined) return { clause: { left, operator: presence.operator, value: '' }, next: presence.next };
  const operator = operatorAt(tokens, at + 1);
  const valueAt = at + (operator === 'NOT IN' ? 3 : 2);
  if (operator === 'IN' || operator === 'NOT IN') {
    const { values, next } = listAt(tokens, valueAt);
    return { clause: { left, operator, value: values }, next };
  }
  const value = tokens[valueAt];
  if (value?.kind === 'number') return { clause: { left, operator, value: value.value }, next: valueAt + 1 };
  return { clause: { left, operator, value: stringOf(value, 'a quoted text or a number') }, next: valueAt + 1 };
}

/** `IS NULL` and `IS NOT NULL`, which have no value behind them. */
function presenceAt(
  tokens: readonly Token[],
  at: number,
): { readonly operator: Presence; readonly next: number } | undefined {
  if (!isKeyword(tokens[at], 'IS')) return undefined;
  const not = isKeyword(tokens[at + 1], 'NOT') ? 1 : 0;
  if (isKeyword(tokens[at + 1 + not], 'NULL'))
    return { operator: not === 1 ? 'IS NOT NULL' : 'IS NULL', next: at + 2 + not };
  throw invalidSearch(FILTER, `found ${show(tokens[at + 1 + not])} behind IS, expected NULL or NOT NULL`);
}

function operatorAt(tokens: readonly Token[], at: number): Operator {
  const token = tokens[at];
  if (token?.kind === 'symbol' && isComparison(token.text)) return token.text;
  for (const word of ['LIKE', 'ILIKE', 'IN'] as const) if (isKeyword(token, word)) return word;
  if (isKeyword(token, 'NOT') && isKeyword(tokens[at + 1], 'IN')) return 'NOT IN';
  throw invalidSearch(
    FILTER,
    `found ${show(token)}, expected = != < <= > >= LIKE ILIKE IN, NOT IN, IS NULL or IS NOT NULL`,
  );
}

/** `('a', 'b')`, at least one. */
function listAt(tokens: readonly Token[], at: number): { readonly values: string[]; readonly next: number } {
  requireSymbol(tokens[at], '(');
  const values: string[] = [];
  for (let i = at + 1; ; i += 2) {
    values.push(stringOf(tokens[i], 'a quoted text'));
    if (values.length > MOST_LISTED)
      throw invalidSearch(FILTER, `found more than ${MOST_LISTED} texts in a list; ask in parts`);
    const after = tokens[i + 1];
    if (after?.kind === 'symbol' && after.text === ')') return { values, next: i + 2 };
    requireSymbol(after, ',');
  }
}

function requireSymbol(token: Token | undefined, symbol: string): void {
  if (token?.kind !== 'symbol' || token.text !== symbol)
    throw invalidSearch(FILTER, `found ${show(token)}, expected ${symbol} of a list such as ('a', 'b')`);
}

function stringOf(token: Token | undefined, expected: string): string {
  if (token?.kind === 'quoted' && token.quote !== '`') return token.text;
  throw invalidSearch(FILTER, `found ${show(token)}, expected ${expected}`);
}

function nameOf(token: Token | undefined): Name | undefined {
  if (token?.kind === 'name') return { entity: token.entity, key: token.key };
  if (token?.kind === 'quoted' && token.quote !== "'") return { entity: null, key: token.text };
  return undefined;
}

function isKeyword(token: Token | undefined, word: string): boolean {
  return token?.kind === 'name' && token.entity === null && token.key.toUpperCase() === word;
}

function isComparison(text: string): text is '=' | '!=' | '<' | '<=' | '>' | '>=' {
  return ['=', '!=', '<', '<=', '>', '>='].includes(text);
}
