import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { literal } from '../../lakehouse/sql-text.ts';
import { flightsBundle, flightsSources, type LakeJob } from './flights.ts';
import { runMeasuredJob } from './measured-child.ts';

/**
 * The limit of a refresh: the same SQL in the same order by DuckDB alone, each table to a Parquet file, the next ones
 * reading that. No increments, expectations, as-of, checks or lake.
 */
await runMeasuredJob(async (job: LakeJob) => {
  const { bundle } = await flightsBundle();
  const [source] = (await flightsSources(bundle))['flights'] ?? [];
  const knownAt = bundle.definition.sources['flights']?.known_later['delay'];
  const sql = (file: string): string => bundle.files[file] ?? '';
  await mkdir(job.folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(job.threads),
    memory_limit: job.memoryLimit,
    temp_directory: join(job.folder, 'spill'),
  });
  const c = await instance.connect();
  const write = async (table: string, select: string): Promise<void> => {
    const file = literal(join(job.folder, `${table}.parquet`));
    await c.run(`COPY (${select}) TO ${file} (FORMAT parquet, COMPRESSION zstd)`);
    await c.run(`CREATE VIEW ${table} AS FROM read_parquet(${file})`);
  };
  for (const layer of ['bronze', 'silver', 'gold']) await c.run(`CREATE SCHEMA ${layer}`);
  await write(
    'bronze.flights',
    `SELECT 'flights' AS _file, file_row_number AS _row, * EXCLUDE (file_row_number), (${knownAt}) AS delay_known_at
     FROM read_parquet(${literal(source ?? '')}, file_row_number = true)`,
  );
  await write('silver.flights', sql('silver/flights.sql'));
  for (const [name, view] of Object.entries(bundle.definition.feature_views))
    await write(`gold.${name}`, sql(view.sql));
  c.closeSync();
  instance.closeSync();
});
