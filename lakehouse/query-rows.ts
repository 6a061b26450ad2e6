import type { DuckDBConnection } from '@duckdb/node-api';
import { literal } from './sql-text.ts';

/**
 * All rows of a query as plain JSON objects: text, numbers, booleans, null, arrays, objects. BIGINT and DECIMAL come as
 * text, so a query casts what it wants as a number to DOUBLE. For small answers: everything is in memory.
 */
export async function rowsOf<Row>(c: DuckDBConnection, sql: string): Promise<Row[]> {
  const reader = await c.runAndReadAll(sql);
  return reader.getRowObjectsJson() as Row[];
}

/** A Parquet file as a relation that may stand after FROM. */
export function parquetRelation(file: string): string {
  return `read_parquet(${literal(file)})`;
}
