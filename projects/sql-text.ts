import { LineCounter } from 'yaml';

/** A table that a SQL text names, `layer.name`, with its place (line and column from 1). */
export interface TableReference {
  readonly table: string;
  readonly line: number;
  readonly column: number;
}

/** Something that keeps a text from being one plain SELECT. */
export interface SqlProblem {
  readonly line: number;
  readonly column: number;
  readonly found: string;
  readonly expected: string;
}

/** What opens a comment, a string (plain, E'…' or $tag$…$tag$) or a quoted name. */
const OPENING = /--[^\n]*|\/\*|'|"|\$(?:[a-z_]\w*)?\$/giu;

/** A quote is closed by the next one that is not doubled. */
function closingQuote(sql: string, start: number, quote: string): number {
  const escapes = quote === "'" && /(^|\W)e$/i.test(sql.slice(Math.max(0, start - 2), start));
  for (let i = start + 1; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++;
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return -1;
}

/** Comments nest, as in PostgreSQL. */
function closingComment(sql: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return -1;
}

/** Where what opens at `start` is closed; -1 when it never is. */
function endOf(opening: string, sql: string, start: number): number {
  if (opening.startsWith('--')) return start + opening.length;
  if (opening === '/*') return closingComment(sql, start);
  if (opening === "'" || opening === '"') return closingQuote(sql, start, opening);
  const close = sql.indexOf(opening, start + opening.length);
  return close === -1 ? -1 : close + opening.length;
}

interface VisibleSql {
  /** The text with comments and strings blanked out at equal length. */
  readonly code: string;
  /** The same with quoted names blanked out too. */
  readonly bare: string;
  /** Offset of a comment, string or name that is never closed; the text ends there. */
  readonly unclosed?: number;
}

function visibleSql(sql: string): VisibleSql {
  const [code, bare]: [string[], string[]] = [[], []];
  let position = 0;
  OPENING.lastIndex = 0;
  for (let match = OPENING.exec(sql); match !== null; match = OPENING.exec(sql)) {
    const between = sql.slice(position, match.index);
    const end = endOf(match[0], sql, match.index);
    if (end === -1) return { code: code.join('') + between, bare: bare.join('') + between, unclosed: match.index };
    const opaque = sql.slice(match.index, end);
    const blank = opaque.replace(/[^\n]/g, ' ');
    code.push(between, opaque.startsWith('"') ? opaque : blank);
    bare.push(between, blank);
    position = OPENING.lastIndex = end;
  }
  return { code: code.join('') + sql.slice(position), bare: bare.join('') + sql.slice(position) };
}

/** Gives line and column (from 1) of offsets. */
function placesIn(text: string): (offset: number) => { readonly line: number; readonly column: number } {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1);
  return (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
}

/**
 * What keeps a text from being one plain SELECT, as far as can be told without a database: it is empty, begins with
 * another verb, goes on after a `;`, or leaves a comment, string or name open.
 */
export function sqlProblems(sql: string): SqlProblem[] {
  const { code, bare, unclosed } = visibleSql(sql);
  const placeOf = placesIn(sql);
  const at = (offset: number, found: string, expected: string): SqlProblem => ({
    ...placeOf(offset),
    found,
    expected,
  });
  if (unclosed !== undefined) return [at(unclosed, 'a comment, string or name that is never closed', 'its end')];
  const start = code.search(/\S/);
  if (start === -1) return [at(0, 'no statement', 'a SELECT')];
  const problems: SqlProblem[] = [];
  const verb = /^[a-z]*/i.exec(code.slice(start))?.[0] ?? '';
  if (!/^(select|with|from)$/i.test(verb) && code[start] !== '(') {
    const word = /^\S{1,30}/.exec(code.slice(start))?.[0] ?? '';
    problems.push(
      at(start, `a statement that begins with ${JSON.stringify(word)}`, 'a plain SELECT (or WITH … SELECT)'),
    );
  }
  const semicolon = bare.indexOf(';');
  if (semicolon !== -1 && code.slice(semicolon + 1).trim() !== '') {
    problems.push(at(semicolon, '";" and more after it', 'a single SELECT'));
  }
  return problems;
}

/** The lake tables (`bronze.x`, `silver.x`, `gold.x`) that a SQL text names, each at its first place, in lower case. */
export function tablesNamed(sql: string): TableReference[] {
  const { code } = visibleSql(sql);
  const placeOf = placesIn(sql);
  const references = new Map<string, TableReference>();
  const pattern = /(?<![\w."])("?)(bronze|silver|gold)\1\s*\.\s*(?:"([^"]+)"|([a-z_]\w*))/gi;
  for (const match of code.matchAll(pattern)) {
    const table = `${match[2] ?? ''}.${match[3] ?? match[4] ?? ''}`.toLowerCase();
    if (!references.has(table)) references.set(table, { table, ...placeOf(match.index) });
  }
  return [...references.values()];
}

/**
 * Layers whose name also stands alone in a SQL text, as an alias or a column: there `silver.delay` may be a column, and
 * only the lake, which parses the SQL, can tell.
 */
export function ambiguousLayers(sql: string): ReadonlySet<string> {
  const alone = visibleSql(sql).code.matchAll(/(?<![\w.])"?(bronze|silver|gold)"?(?!["\w])(?!\s*\.)/gi);
  return new Set([...alone].map((match) => (match[1] ?? '').toLowerCase()));
}
