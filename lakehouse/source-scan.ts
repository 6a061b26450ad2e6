import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, relative } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import { isInterrupted, lakeFault, messageOf } from './engine-errors.ts';
import { knownAtColumn } from './known-by.ts';
import { type Column, describe } from './project-sql.ts';
import { identifier, literal } from './sql-text.ts';
import type { BronzeSpec } from './table-specs.ts';

/**
 * A source's rows as a query in parentheses: `_file`, `_row`, the source's columns, and for each column that becomes
 * known later its `<column>_known_at`, never before the row itself. Nothing is hidden yet: see `knownBy`.
 *
 * `SourceUnavailable` when there is no file or it cannot be read; `SchemaMismatch` when event time, a column that becomes
 * known later, or a column in the SQL of its instant is missing.
 */
export async function sourceScan(
  c: DuckDBConnection,
  spec: BronzeSpec,
  files: readonly string[],
  folder: string,
): Promise<string> {
  await fingerprint(spec, files);
  const rows = spec.source.format === 'parquet' ? parquetRows(spec, files, folder) : csvRows(spec, files, folder);
  const columns = await describe(c, rows).catch((error: unknown) => {
    if (isInterrupted(error)) throw error;
    throw new SuperstepError(
      'SourceUnavailable',
      `source "${spec.sourceName}" (${spec.source.path}) cannot be read as ${spec.source.format}: ${messageOf(error)}`,
      { source: spec.sourceName, files },
    );
  });
  checkColumns(spec, columns);
  const eventTime = `CAST(${identifier(spec.source.event_time)} AS TIMESTAMP)`;
  const later = Object.entries(spec.source.known_later);
  if (later.length === 0) return rows;
  const instants = later.map(([column, sql]) => `CAST((${sql}) AS TIMESTAMP) AS ${identifier(knownAtColumn(column))}`);
  const clamped = later.map(([column]) => {
    const known = identifier(knownAtColumn(column));
    return `CASE WHEN ${known} < ${eventTime} THEN ${eventTime} ELSE ${known} END AS ${known}`;
  });
  const scan = `(SELECT * REPLACE (${clamped.join(', ')}) FROM (SELECT *, ${instants.join(', ')} FROM ${rows}))`;
  await describe(c, scan).catch((error: unknown) => {
    if (isInterrupted(error)) throw error;
    throw schemaMismatch(spec, columns, `the SQL under known_later does not fit its columns: ${messageOf(error)}`);
  });
  return scan;
}

/** Names a source's files and their state: equal as long as none was replaced. `SourceUnavailable` when one is missing. */
export async function fingerprint(spec: BronzeSpec, files: readonly string[]): Promise<string> {
  if (files.length === 0) {
    throw new SuperstepError(
      'SourceUnavailable',
      `source "${spec.sourceName}": no file is at ${spec.source.path}; expected at least one ${spec.source.format} file there`,
      { source: spec.sourceName, path: spec.source.path },
    );
  }
  const hash = createHash('sha256');
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) {
      throw new SuperstepError(
        'SourceUnavailable',
        `source "${spec.sourceName}": ${spec.source.path} is no file that can be read; put it there, or correct the path in project.yaml`,
        { source: spec.sourceName, path: spec.source.path, file },
      );
    }
    hash.update(JSON.stringify([file, found.size, found.mtimeMs]));
  }
  return hash.digest('hex');
}

/** Runs a statement over a source; what the engine could not read or convert in it is the source's fault. */
export async function readingSource<T>(spec: BronzeSpec, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isInterrupted(error) || lakeFault(error) instanceof SuperstepError) throw error;
    throw new SuperstepError(
      'SchemaMismatch',
      `source "${spec.sourceName}" (${spec.source.path}): ${messageOf(error)}; correct the source, or its SQL in project.yaml`,
      { source: spec.sourceName },
    );
  }
}

function parquetRows(spec: BronzeSpec, files: readonly string[], folder: string): string {
  const named = files.map((file) => `WHEN ${literal(file)} THEN ${literal(fileLabel(spec.source.path, folder, file))}`);
  const label =
    files.length === 1
      ? literal(fileLabel(spec.source.path, folder, files[0] ?? ''))
      : `CASE _source_file ${named.join(' ')} END`;
  return `(SELECT ${label} AS _file, file_row_number AS _row, * EXCLUDE (_source_file, file_row_number)
    FROM read_parquet([${files.map(literal).join(', ')}], filename = '_source_file', file_row_number = true, union_by_name = true))`;
}

/** A CSV file has no row numbers: the order of reading, which the engine keeps, gives them. */
function csvRows(spec: BronzeSpec, files: readonly string[], folder: string): string {
  const parts = files.map(
    (file) =>
      `SELECT ${literal(fileLabel(spec.source.path, folder, file))} AS _file, row_number() OVER () - 1 AS _row, *
       FROM read_csv(${literal(file)}, sample_size = -1)`,
  );
  return `(${parts.join(' UNION ALL BY NAME ')})`;
}

/**
 * What `_file` says: the file's path from the first folder on that the project's pattern leaves open, so that it is the
 * same on every machine and stays when files are added.
 */
export function fileLabel(pattern: string, folder: string, file: string): string {
  const fixed = pattern.replace(/^npm:/, '').replace(/^\.\//, '').split('/').slice(0, -1);
  const open = fixed.findIndex((part) => /[*?[{]/.test(part));
  if (open < 0) return basename(file);
  const prefix = fixed.slice(0, open).join('/');
  if (prefix === '') return relative(folder, file);
  const at = file.lastIndexOf(`/${prefix}/`);
  return at < 0 ? basename(file) : file.slice(at + prefix.length + 2);
}

function checkColumns(spec: BronzeSpec, columns: readonly Column[]): void {
  const found = new Set(columns.map((column) => column.name.toLowerCase()));
  const later = Object.keys(spec.source.known_later);
  const missing = [spec.source.event_time, ...later].filter((name) => !found.has(name.toLowerCase()));
  if (missing.length > 0) {
    throw schemaMismatch(spec, columns, `project.yaml names the column ${missing.join(', ')}, which it does not have`);
  }
  const taken = later.map(knownAtColumn).filter((name) => found.has(name.toLowerCase()));
  if (taken.length > 0) {
    throw schemaMismatch(spec, columns, `its column ${taken.join(', ')} has a name that bronze needs for itself`);
  }
}

function schemaMismatch(spec: BronzeSpec, columns: readonly Column[], fault: string): SuperstepError {
  const names = columns.map((column) => column.name).filter((name) => name !== '_file' && name !== '_row');
  return new SuperstepError(
    'SchemaMismatch',
    `source "${spec.sourceName}" (${spec.source.path}): ${fault}; its columns are ${names.join(', ')}`,
    { source: spec.sourceName, found: names },
  );
}
