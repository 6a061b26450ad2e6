import { DuckDBInstance } from '@duckdb/node-api';
import type { Query } from '../../monitoring/column-profile.ts';

export interface FlightsDatabase {
  readonly query: Query;
  readonly close: () => void;
}

/**
 * An in-memory database with `flights`: every 30th of the first six weeks' flights, with a made-up score and the label
 * "more than 15 minutes late", NULL for the last two days.
 */
export async function openFlights(): Promise<FlightsDatabase> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const query: Query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  await query(`CREATE TABLE flights AS
    SELECT
      date AS event_time,
      distance::FLOAT AS distance,
      (hour(date) + minute(date) / 60)::FLOAT AS hour,
      dayofweek(date)::FLOAT AS day_of_week,
      CASE WHEN distance % 7 = 0 THEN NULL WHEN distance % 11 = 0 THEN 'nan'::FLOAT ELSE sqrt(distance)::FLOAT END AS "gappy.root",
      (0.5 + 0.4 * sin(distance + hour(date)) + 0.1 * (delay > 15)::INTEGER)::FLOAT AS score,
      CASE WHEN date < TIMESTAMP '2001-02-10' THEN (delay > 15)::INTEGER END AS label
    FROM (SELECT *, row_number() OVER (ORDER BY date, origin, destination, delay, distance) AS row
          FROM read_parquet('node_modules/vega-datasets/data/flights-3m.parquet') WHERE date < TIMESTAMP '2001-02-12')
    WHERE row % 30 = 0`);
  return {
    query,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** The numeric features of `flights`. */
export const FLIGHT_FEATURES = ['distance', 'hour', 'day_of_week', 'gappy.root'] as const;
