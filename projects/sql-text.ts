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

/** Comments, strings (plain, E'…' and $tag$…$tag$) and quoted names, or their unclosed beginnings, in this order. */
const OPAQUE = /--[^\n]*|\/\*|'|"(?:[^"]|"")*"?|\$(?:[a-z_]\w*)?\$/giu;

function closingQuote(sql: string, start: number): number {
  const escapes = /(^|\W)e$/i.test(sql.slice(Math.max(0, start - 2), start));
  for (let i = start + 1; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++;
    else if (sql[i] === "'") {
      if (sql[i + 1] !== "'") return i + 1;
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
  if (opening === "'") return closingQuote(sql, start);
  if (opening.startsWith('"')) return opening.length > 1 && opening.endsWith('"') ? start + opening.length : -1;
  const close = sql.indexOf(opening, start + opening.length);
  return close === -1 ? -1 : close + opening.length;
}

/** The text with comments and strings blanked out at equal length; quoted names stay. `unclosed` is an offset. */
function visibleSql(sql: string): { readonly code: string; readonly unclosed?: number } {
  let code = '';
  let position = 0;
  OPAQUE.lastIndex = 0;
  for (let match = OPAQUE.exec(sql); match !== null; match = OPAQUE.exec(sql)) {
    const end = endOf(match[0], sql, match.index);
    if (end === -1) return { code, unclosed: match.index };
    code += sql.slice(position, match.index);
    const hidden = sql.slice(match.index, end);
    code += hidden.startsWith('"') ? hidden : hidden.replace(/[^\n]/g, ' ');
    position = OPAQUE.lastIndex = end;
  }
  return { code: code + sql.slice(position) };
}

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/**
 * What keeps a text from being one plain SELECT, as far as can be told without a database: it is empty, begins with
 * another verb, holds a `;`, or leaves a comment, string or name open.
 */
export function sqlProblems(sql: string): SqlProblem[] {
  const { code, unclosed } = visibleSql(sql);
  const at = (offset: number, found: string, expected: string): SqlProblem => ({
    ...placeOf(sql, offset),
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
  const semicolon = code.replace(/"(?:[^"]|"")*"/g, (name) => ' '.repeat(name.length)).indexOf(';');
  if (semicolon !== -1) problems.push(at(semicolon, '";"', 'a single SELECT without ";"'));
  return problems;
}

/** The lake tables (`bronze.x`, `silver.x`, `gold.x`) that a SQL text names, each at its first place, in lower case. */
export function tablesNamed(sql: string): TableReference[] {
  const { code } = visibleSql(sql);
  const references = new Map<string, TableReference>();
  const pattern = /(?<![\w."])("?)(bronze|silver|gold)\1\s*\.\s*(?:"([^"]+)"|([a-z_]\w*))/gi;
  for (const match of code.matchAll(pattern)) {
    const table = `${match[2] ?? ''}.${match[3] ?? match[4] ?? ''}`.toLowerCase();
    if (!references.has(table)) references.set(table, { table, ...placeOf(sql, match.index) });
  }
  return [...references.values()];
}
