import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { CommitRecord, Lake } from './lake.ts';
import { describe } from './project-sql.ts';
import { identifier, identifiers, literal } from './sql-text.ts';
import { addMissingColumns, tableColumns } from './table-columns.ts';

export interface MetricsToAppend {
  /** The natural key: the same metrics, computed again, have the same one. */
  readonly key: string;
  readonly project: string;
  /** ISO instant. */
  readonly asOf: string;
  /** `gold.<name>`. */
  readonly table: string;
  /** `type` is DuckDB's, nested ones included: `STRUCT(value DOUBLE, "count" BIGINT)[]`. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** By column; what is absent is NULL. Plain JSON: instants as ISO texts. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/**
 * Appends rows to a metrics table in one lake commit, making the table or its new columns as needed. A key that is
 * committed already changes nothing. `SchemaMismatch` when a row has a column that is not declared, a value does not fit
 * its type, or the table has another type.
 */
export async function appendMetrics(lake: Lake, input: MetricsToAppend): Promise<CommitRecord> {
  const { key, project, asOf, table, columns, rows } = input;
  checkRows(input);
  const before = await lake.findCommit(key);
  if (before !== undefined) return before;
  const file = join(lake.scratchFolder, `metrics-${randomUUID()}.json`);
  await mkdir(lake.scratchFolder, { recursive: true });
  try {
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
    const types = columns.map(({ name, type }) => `${literal(name)}: ${literal(type)}`).join(', ');
    const source = `SELECT ${identifiers(columns.map((column) => column.name))}
      FROM read_json(${literal(file)}, format => 'newline_delimited', columns => {${types}}, maximum_object_size => 100000000)`;
    await lake.work(async (c) => {
      // Reads everything once, so that a bad value is told before the transaction.
      await c.run(`CREATE TABLE checked AS ${source}`).catch((error: unknown) => {
        throw mismatch(
          table,
          `a value does not fit its column: ${error instanceof Error ? error.message : String(error)}`,
        );
      });
      const existing = new Map((await tableColumns(c, table)).map((column) => [column.name, column.type]));
      for (const { name, type } of await describe(c, 'checked')) {
        const found = existing.get(name) ?? type;
        if (found !== type) throw mismatch(table, `the column ${name} is ${found}, expected ${type}`);
      }
    });
    return await lake.commit(
      { key, kind: 'metrics', project, asOf, details: { table, rows: rows.length } },
      async (c) => {
        await c.run(
          `CREATE TABLE IF NOT EXISTS lake.${table} (${columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ')})`,
        );
        await addMissingColumns(c, table, columns);
        await c.run(`INSERT INTO lake.${table} BY NAME ${source}`);
      },
    );
  } finally {
    await rm(file, { force: true });
  }
}

function checkRows({ table, columns, rows }: MetricsToAppend): void {
  if (!/^gold\.[a-z][a-z0-9_]*$/.test(table)) throw mismatch(table, 'expected a table such as "gold.drift_metrics"');
  const declared = new Set(columns.map((column) => column.name));
  for (const row of rows) {
    const stranger = Object.keys(row).find((name) => !declared.has(name));
    if (stranger !== undefined) {
      throw mismatch(table, `a row has the column ${stranger}, expected only ${[...declared].join(', ')}`);
    }
  }
}

function mismatch(table: string, text: string): SuperstepError {
  return new SuperstepError('SchemaMismatch', `${table}: ${text}`, { table });
}
