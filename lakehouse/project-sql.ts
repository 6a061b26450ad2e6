import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { isInterrupted, isLostRace, lakeFault, messageOf } from './engine-errors.ts';
import { literal } from './sql-text.ts';

/** A project's SQL: one SELECT, and the path that people know it by. */
export interface ProjectSql {
  readonly file: string;
  readonly text: string;
}

export interface Column {
  readonly name: string;
  readonly type: string;
}

/** A table that SQL reads, and the line where it is named. */
export interface TableMention {
  /** `layer.name`. */
  readonly table: string;
  readonly line: number;
}

/** The pinned text of a SQL file; `InvalidProject` when the bundle has none. */
export function projectSqlOf(bundle: Pick<PinnedBundle, 'files'>, file: string): ProjectSql {
  const text = bundle.files[file];
  if (text === undefined) {
    throw new SuperstepError(
      'InvalidProject',
      `project.yaml names the SQL file "${file}", which the pinned project does not hold; add it to the project folder`,
      { file },
    );
  }
  return { file, text };
}

/** A SQL file's text, ready to stand between parentheses: without the `;` that may end it. */
export function projectSql(bundle: Pick<PinnedBundle, 'files'>, file: string): string {
  return `${selectBody(projectSqlOf(bundle, file).text)}\n`;
}

/** Checks a SQL file (one SELECT, the project's layers only, binds to the views that are there) and gives its columns. */
export async function projectColumns(
  c: DuckDBConnection,
  bundle: Pick<PinnedBundle, 'files'>,
  file: string,
): Promise<Column[]> {
  const sql = projectSqlOf(bundle, file);
  await readsOf(c, sql);
  return describeProjectSql(c, sql, [], file);
}

/**
 * Checks that a text is exactly one SELECT that keeps to the layers, and lists the `bronze`, `silver` and `gold` tables
 * that it reads. `QueryFailed` with file and line otherwise.
 */
export async function readsOf(c: DuckDBConnection, sql: ProjectSql): Promise<TableMention[]> {
  const reply = await c.runAndReadAll(`SELECT json_serialize_sql(${literal(sql.text)})::VARCHAR`);
  const parsed = JSON.parse(String(reply.getRows()[0]?.[0])) as ParsedSql;
  if (parsed.error) {
    const line = parsed.position === undefined ? undefined : lineAt(sql.text, Number(parsed.position));
    const said = /Only SELECT/i.test(parsed.error_message ?? '')
      ? 'expected exactly one SELECT, found another kind of statement'
      : (parsed.error_message ?? 'cannot be parsed');
    throw queryFailed(sql, line, said);
  }
  if (parsed.statements?.length !== 1) {
    throw queryFailed(
      sql,
      undefined,
      `expected exactly one SELECT, found ${parsed.statements?.length ?? 0} statements`,
    );
  }
  const mentions = new Map<string, TableMention>();
  walk(parsed.statements[0], (node) => {
    if (node['type'] !== 'BASE_TABLE') return;
    const line = lineAt(sql.text, Number(node['query_location'] ?? 0));
    const part = (key: string): string => (typeof node[key] === 'string' ? node[key].toLowerCase() : '');
    const [catalog, schema, name] = [part('catalog_name'), part('schema_name'), part('table_name')];
    if (/^(lake|__ducklake)/.test(catalog) || /^(lake|__ducklake)/.test(schema)) {
      throw queryFailed(
        sql,
        line,
        'reads the lake itself, past what was known at the as-of; name the table by its layer, for example silver.flights',
      );
    }
    if (schema === 'bronze' || schema === 'silver' || schema === 'gold') {
      const table = `${schema}.${name}`;
      if (!mentions.has(table)) mentions.set(table, { table, line });
    }
  });
  return [...mentions.values()];
}

/**
 * Columns that a project's SQL gives. `QueryFailed` with file and line when it does not bind; `SchemaMismatch` when one
 * of `required` is missing (`why` says who needs it).
 */
export async function describeProjectSql(
  c: DuckDBConnection,
  sql: ProjectSql,
  required: readonly string[],
  why: string,
): Promise<Column[]> {
  const columns = await runProjectSql(sql, () => describe(c, `(${selectBody(sql.text)}\n)`));
  const found = new Set(columns.map((column) => column.name.toLowerCase()));
  const missing = required.filter((name) => !found.has(name.toLowerCase()));
  if (missing.length > 0) {
    throw new SuperstepError(
      'SchemaMismatch',
      `${sql.file} gives no column ${missing.map((m) => `"${m}"`).join(', ')}, which ${why} needs; it gives ${columns.map((column) => column.name).join(', ')}; add the missing to its SELECT`,
      { file: sql.file, missing, found: columns.map((column) => column.name) },
    );
  }
  return columns;
}

/** Columns of a relation: a table, a table function, or a query in parentheses that starts on the first line. */
export async function describe(c: DuckDBConnection, relation: string): Promise<Column[]> {
  const described = await c.runAndReadAll(`DESCRIBE FROM ${relation}`);
  return described
    .getRowObjects()
    .map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }));
}

/** Makes a view of a project's SQL in the connection's private catalog, after the checks of `describeProjectSql`. */
export async function createProjectView(
  c: DuckDBConnection,
  name: string,
  sql: ProjectSql,
  required: readonly string[],
  why: string,
): Promise<Column[]> {
  await readsOf(c, sql);
  const columns = await describeProjectSql(c, sql, required, why);
  await runProjectSql(sql, () => c.run(`CREATE OR REPLACE VIEW ${name} AS ${selectBody(sql.text)}`));
  return columns;
}

/**
 * Runs a statement around a project's SQL and turns what the engine says into `QueryFailed` with file and line. The
 * statement must hold the text unchanged from its own first line on, so that the engine's line numbers are the file's.
 */
export async function runProjectSql<T>(sql: ProjectSql, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const fault = lakeFault(error);
    if (fault instanceof SuperstepError || isInterrupted(error) || isLostRace(error)) throw fault;
    const message = messageOf(error);
    const marked = /\n\s*LINE (\d+): ([^\n]*)/.exec(message);
    const said = message.split(/\n\s*LINE \d+:/)[0] ?? message;
    throw queryFailed(sql, marked === null ? undefined : ownLine(sql.text, Number(marked[1]), marked[2] ?? ''), said);
  }
}

/** The text without the `;` that may end it, so that it fits into parentheses. Comments may follow it. */
export function selectBody(text: string): string {
  // Strings, quoted names, dollar quotes and comments are skipped whole; what is left can be a statement's end.
  const tokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$|--[^\n]*|\/\*[\s\S]*?\*\/|;/g;
  return text.replaceAll(tokens, (token) => (token === ';' ? ' ' : token));
}

interface ParsedSql {
  readonly error: boolean;
  readonly error_message?: string;
  readonly position?: string;
  readonly statements?: readonly unknown[];
}

function walk(node: unknown, visit: (node: Record<string, unknown>) => void): void {
  if (Array.isArray(node)) for (const item of node) walk(item, visit);
  else if (node !== null && typeof node === 'object') {
    visit(node as Record<string, unknown>);
    for (const value of Object.values(node)) walk(value, visit);
  }
}

/** One-based line of a byte offset, as DuckDB counts. */
function lineAt(text: string, byteOffset: number): number {
  return Buffer.from(text).subarray(0, byteOffset).toString().split('\n').length;
}

/** The engine quotes the line that it means: one that is not this file's belongs to some view below. */
function ownLine(text: string, line: number, quoted: string): number | undefined {
  if (line === 1) return 1;
  const own = text.split('\n')[line - 1];
  const core = quoted
    .replace(/^\.\.\./, '')
    .replace(/\.\.\.$/, '')
    .trim();
  return own?.includes(core) === true ? line : undefined;
}

function queryFailed(sql: ProjectSql, line: number | undefined, said: string): SuperstepError {
  const where = line === undefined ? sql.file : `${sql.file}, line ${line}`;
  const own = line === undefined ? '' : `: "${(sql.text.split('\n')[line - 1] ?? '').trim()}"`;
  return new SuperstepError('QueryFailed', `${where}${own}: ${said.trim()}`, {
    file: sql.file,
    ...(line === undefined ? {} : { line }),
    engine: said.trim(),
  });
}
