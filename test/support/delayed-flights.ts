import { DuckDBInstance } from '@duckdb/node-api';

/** Columns of the made-up dataset that a model is trained on. */
export const FLIGHT_FEATURES = ['hour', 'view.late_rate', 'distance', 'noise'] as const;
export const HOLDOUT_FROM = '2001-05-25T00:00:00Z';

/**
 * Writes a Parquet file of made-up flights, 1 to 30 May 2001, in the shape of a training dataset: sorted by event
 * time, label `late` that depends on hour and late rate, missing values in the late rate. `select` changes the rows.
 */
export async function writeFlights(
  file: string,
  { rows = 6000, select = '*' }: { readonly rows?: number; readonly select?: string } = {},
): Promise<void> {
  await runSql(`
    COPY (
      SELECT ${select} FROM (
        SELECT
          TIMESTAMP '2001-05-01' + to_minutes((i * 30 * 1440) // ${rows}) AS event_time,
          i AS id,
          (hash(i) % 24)::INTEGER AS hour,
          CASE WHEN hash(i, 1) % 7 = 0 THEN NULL ELSE (hash(i, 2) % 1000) / 1000.0 END AS "view.late_rate",
          (hash(i, 3) % 2000)::BIGINT AS distance,
          (hash(i, 4) % 100000) / 100000.0::DOUBLE AS noise,
          CASE WHEN hour / 24.0 + coalesce("view.late_rate", 0.3) + (hash(i, 5) % 1000) / 1000.0 > 1.8 THEN 1 ELSE 0 END AS late
        FROM range(${rows}) AS r(i)
      ) ORDER BY id
    ) TO '${file}' (FORMAT parquet)`);
}

/** Runs one statement in a database of its own; answers its rows. */
export async function runSql(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjects();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
