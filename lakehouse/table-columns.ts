import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from './project-sql.ts';
import { identifier, literal } from './sql-text.ts';

/** Columns of a lake table such as `gold.profile_metrics` as it is now; none when there is no such table. */
export async function tableColumns(c: DuckDBConnection, table: string): Promise<Column[]> {
  const [schema, name] = table.split('.');
  const found = await c.runAndReadAll(
    `SELECT column_name, data_type FROM duckdb_columns()
     WHERE database_name = 'lake' AND schema_name = ${literal(schema ?? '')} AND table_name = ${literal(name ?? '')}
     ORDER BY column_index`,
  );
  return found.getRowsJS().map((row) => ({ name: row[0] as string, type: row[1] as string }));
}

/** Adds to a lake table what it lacks of `columns`; older rows read NULL there. Within the caller's transaction. */
export async function addMissingColumns(c: DuckDBConnection, table: string, columns: readonly Column[]): Promise<void> {
  const existing = new Set((await tableColumns(c, table)).map((column) => column.name));
  for (const { name, type } of columns) {
    if (!existing.has(name)) await c.run(`ALTER TABLE lake.${table} ADD COLUMN ${identifier(name)} ${type}`);
  }
}
