import { SuperstepError } from '../../contracts/failure-types.ts';

/** A piece of a filter or of an order. `at` is the offset of its first character. */
export type Token =
  /** `name`, `metrics.auc`, ``tags.`a b` ``: what stands before the first dot, and the rest. Keywords look the same. */
  | { readonly kind: 'name'; readonly at: number; readonly entity: string | null; readonly key: string }
  /** In single or double quotes; in double ones or backticks it may also be a name. */
  | { readonly kind: 'quoted'; readonly at: number; readonly quote: string; readonly text: string }
  | { readonly kind: 'number'; readonly at: number; readonly value: number }
  | { readonly kind: 'symbol'; readonly at: number; readonly text: string };

/** Longer texts are not looked at: room for a thousand run ids. */
const MOST_CHARACTERS = 100_000;

const SPACE = /\s*/y;
const WORD = /[\p{L}_][\p{L}\p{N}\p{M}_.]*/uy;
const NUMBER = /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const SYMBOL = /!=|<=|>=|[=<>(),]/y;

/**
 * Cuts a text into tokens, in one pass over it.
 * @throws InvalidInput for a text that is too long, a quote without an end, or a character that the grammar lacks
 */
export function tokenize(text: string, what: string): Token[] {
  requireSearchable(text, what);
  const tokens: Token[] = [];
  for (let at = end(SPACE, text, 0); at < text.length; at = end(SPACE, text, at)) {
    const { token, next } = tokenAt(text, at, what);
    tokens.push(token);
    at = next;
  }
  return tokens;
}

/**
 * A text that any of our databases can look for.
 * @throws InvalidInput
 */
export function requireSearchable(text: string, what: string): void {
  if (text.length > MOST_CHARACTERS)
    throw invalidSearch(what, `found ${text.length} characters, expected at most ${MOST_CHARACTERS}; ask in parts`);
  // Nothing stored holds it, and PostgreSQL would take it for a broken message.
  if (text.includes('\0')) throw invalidSearch(what, 'found the character NUL, expected text');
}

/** The error of everything in this folder: `what` is "filter" or "order_by". */
export function invalidSearch(what: string, problem: string): SuperstepError {
  return new SuperstepError('InvalidInput', `invalid ${what}: ${problem}`, { what });
}

/** A token as a person reads it, cut to a readable length. */
export function show(token: Token | undefined): string {
  if (token === undefined) return 'the end';
  const shown = textOf(token);
  return `${shown.length > 100 ? `${shown.slice(0, 100)}…` : shown} at character ${token.at + 1}`;
}

function textOf(token: Token): string {
  switch (token.kind) {
    case 'name':
      return token.entity === null ? token.key : `${token.entity}.${token.key}`;
    case 'quoted':
      return `${token.quote}${token.text}${token.quote}`;
    case 'number':
      return String(token.value);
    case 'symbol':
      return token.text;
  }
}

interface Cut {
  readonly token: Token;
  readonly next: number;
}

function tokenAt(text: string, at: number, what: string): Cut {
  const first = text.charAt(at);
  if (first === "'" || first === '"' || first === '`') {
    const quoted = quotedAt(text, at, what);
    return { token: { kind: 'quoted', at, quote: first, text: quoted.content }, next: quoted.next };
  }
  const afterWord = end(WORD, text, at);
  if (afterWord > at) return nameAt(text, at, afterWord, what);
  const afterNumber = end(NUMBER, text, at);
  if (afterNumber > at)
    return { token: { kind: 'number', at, value: Number(text.slice(at, afterNumber)) }, next: afterNumber };
  const afterSymbol = end(SYMBOL, text, at);
  if (afterSymbol > at) return { token: { kind: 'symbol', at, text: text.slice(at, afterSymbol) }, next: afterSymbol };
  throw invalidSearch(
    what,
    `found ${JSON.stringify(first)} at character ${at + 1}, expected a name, a value or a comparison; keys with such characters stand in backticks`,
  );
}

/** A word, and the quoted key right behind its last dot. */
function nameAt(text: string, at: number, afterWord: number, what: string): Cut {
  const word = text.slice(at, afterWord);
  const dot = word.indexOf('.');
  if (dot === -1) return { token: { kind: 'name', at, entity: null, key: word }, next: afterWord };
  const entity = word.slice(0, dot);
  const key = word.slice(dot + 1);
  const quote = text.charAt(afterWord);
  if (key !== '' || (quote !== '`' && quote !== '"'))
    return { token: { kind: 'name', at, entity, key }, next: afterWord };
  const quoted = quotedAt(text, afterWord, what);
  return { token: { kind: 'name', at, entity, key: quoted.content }, next: quoted.next };
}

/** A doubled quote stands for itself, as in SQL. */
function quotedAt(text: string, at: number, what: string): { readonly content: string; readonly next: number } {
  const quote = text.charAt(at);
  let content = '';
  for (let from = at + 1; ;) {
    const close = text.indexOf(quote, from);
    if (close === -1)
      throw invalidSearch(what, `the quote ${quote} at character ${at + 1} has no end, expected another ${quote}`);
    content += text.slice(from, close);
    if (text.charAt(close + 1) !== quote) return { content, next: close + 1 };
    content += quote;
    from = close + 2;
  }
}

function end(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
