import type { DuckDBConnection } from '@duckdb/node-api';
import { literal } from './sql-text.ts';

/** Writes a query's rows to a Parquet file and returns how many they are. The query's lines keep their numbers. */
export async function copyToParquet(c: DuckDBConnection, query: string, file: string): Promise<number> {
  const copied = await c.runAndReadAll(`COPY (${query}\n) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`);
  return Number(copied.getRows()[0]?.[0] ?? 0);
}
