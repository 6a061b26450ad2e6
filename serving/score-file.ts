import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { DuckDBDataChunk, DuckDBInstance, FLOAT, type DuckDBAppender, type DuckDBConnection } from '@duckdb/node-api';
import type { ReportProgress } from '../contracts/child-process.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { loadPredictor, type Predictor } from './predictor.ts';

export interface ScoreJob {
  readonly modelFile: string;
  /** The model file's digest; any other file is refused. */
  readonly sha256: string;
  /** Parquet with a number column for each feature; NULL is a missing value. */
  readonly inputFile: string;
  /** Parquet to write: one column `score`, FLOAT, a row for each input row, in the same order. */
  readonly outputFile: string;
  /** Names of the model's inputs, where its file has none. */
  readonly inputNames?: readonly string[];
  /** Columns that hold the model's inputs, in the model's order. @default the names in the model file */
  readonly features?: readonly string[];
  /** Rows scored at a time. @default 65536 */
  readonly batchRows?: number;
  readonly threads: number;
}

export interface ScoreJobResult {
  readonly rows: number;
  readonly seconds: number;
}

const BATCH_ROWS = 65_536;
const DUCKDB_MEMORY = '512MB';
/** Rows of a full DuckDB chunk. */
const CHUNK_ROWS = 2048;

/**
 * Scores a Parquet file into another one, in batches: memory does not depend on the number of rows. The output appears
 * whole or not at all.
 *
 * Errors: those of `loadPredictor`; `SchemaMismatch` where a column is missing or no number.
 */
export async function scoreFile(job: ScoreJob, report: ReportProgress): Promise<ScoreJobResult> {
  const started = performance.now();
  const predictor = await loadPredictor(job.modelFile, {
    threads: job.threads,
    expectedSha256: job.sha256,
    ...(job.inputNames === undefined ? {} : { features: job.inputNames }),
  });
  // Scores wait in a database file: the appender keeps order, and Parquet can be written in one go at the end.
  const scratch = `${job.outputFile}.${process.pid}.${randomUUID()}`;
  try {
    const instance = await DuckDBInstance.create(`${scratch}.duckdb`, {
      threads: String(job.threads),
      memory_limit: DUCKDB_MEMORY,
      temp_directory: `${scratch}.spill`,
    });
    try {
      const rows = await scoreInto(instance, predictor, job, `${scratch}.parquet`, report);
      await rename(`${scratch}.parquet`, job.outputFile);
      return { rows, seconds: (performance.now() - started) / 1000 };
    } finally {
      instance.closeSync();
    }
  } finally {
    await predictor.release();
    for (const suffix of ['duckdb', 'duckdb.wal', 'spill', 'parquet']) {
      await rm(`${scratch}.${suffix}`, { recursive: true, force: true });
    }
  }
}

async function scoreInto(
  instance: DuckDBInstance,
  predictor: Predictor,
  job: ScoreJob,
  outputFile: string,
  report: ReportProgress,
): Promise<number> {
  const reading = await instance.connect();
  const writing = await instance.connect();
  try {
    const features = job.features ?? predictor.features;
    const total = await checkInput(reading, job.inputFile, features, predictor);
    await writing.run('CREATE TABLE scores (score FLOAT)');
    const scored = await streamScores(reading, writing, predictor, { job, features, total, report });
    const kept = await countRows(writing, 'scores');
    if (scored !== total || kept !== total) {
      throw new SuperstepError(
        'ChildProcessFailed',
        `scored ${scored} and kept ${kept} rows of ${total}; expected all`,
      );
    }
    await writing.run(`COPY (SELECT score FROM scores) TO ${literal(outputFile)} (FORMAT parquet)`);
    return total;
  } finally {
    reading.closeSync();
    writing.closeSync();
  }
}

async function streamScores(
  reading: DuckDBConnection,
  writing: DuckDBConnection,
  predictor: Predictor,
  what: {
    readonly job: ScoreJob;
    readonly features: readonly string[];
    readonly total: number;
    readonly report: ReportProgress;
  },
): Promise<number> {
  const { job, features, total, report } = what;
  const columns = features.map((name) => `coalesce(${identifier(name)}::FLOAT, 'nan'::FLOAT)`);
  const result = await reading.stream(`SELECT ${columns.join(', ')} FROM read_parquet(${literal(job.inputFile)})`);
  const appender = await writing.createAppender('scores');
  const width = features.length;
  const capacity = job.batchRows ?? BATCH_ROWS;
  // Room for the chunk that fills the batch beyond its size.
  const batch = new Float32Array((capacity + CHUNK_ROWS) * width);
  let filled = 0;
  let done = 0;
  const flush = async (): Promise<void> => {
    if (filled === 0) return;
    append(appender, await predictor.predict(batch.subarray(0, filled * width), filled));
    done += filled;
    filled = 0;
    await report(done, total, 'scoring');
  };
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    copyRows(chunk, batch, filled, width);
    filled += chunk.rowCount;
    if (filled >= capacity) await flush();
  }
  await flush();
  appender.closeSync();
  return done;
}

function copyRows(chunk: DuckDBDataChunk, batch: Float32Array, filled: number, width: number): void {
  for (let column = 0; column < width; column++) {
    // The typed array behind the vector: asking for items one by one takes ten times as long.
    const { items } = chunk.getColumnVector(column) as unknown as { readonly items: Float32Array };
    for (let row = 0, at = filled * width + column; row < items.length; row++, at += width) {
      batch[at] = items[row] ?? Number.NaN;
    }
  }
}

function append(appender: DuckDBAppender, scores: Float32Array): void {
  for (let from = 0; from < scores.length; from += CHUNK_ROWS) {
    const chunk = DuckDBDataChunk.create([FLOAT]);
    chunk.setColumns([Array.from(scores.subarray(from, from + CHUNK_ROWS))]);
    appender.appendDataChunk(chunk);
  }
}

/** Number of input rows; refuses an input without the model's columns. */
async function checkInput(
  connection: DuckDBConnection,
  file: string,
  features: readonly string[],
  predictor: Predictor,
): Promise<number> {
  if (features.length !== predictor.features.length) {
    throw new SuperstepError(
      'SchemaMismatch',
      `${features.length} columns are given for the model's inputs; expected ${predictor.features.length}: ${predictor.features.join(', ')}`,
    );
  }
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${literal(file)})`);
  const types = new Map(described.getRows().map((row) => [String(row[0]), String(row[1])]));
  for (const name of features) {
    const type = types.get(name);
    if (type !== undefined && /INT|FLOAT|DOUBLE|DECIMAL|BOOLEAN/.test(type)) continue;
    throw new SuperstepError(
      'SchemaMismatch',
      `column "${name}", an input of the model, ${type === undefined ? 'is missing' : `has type ${type}`} in the rows to score; ` +
        `expected a number. Found columns: ${[...types.keys()].join(', ')}`,
      { column: name, type: type ?? null },
    );
  }
  return countRows(connection, `read_parquet(${literal(file)})`);
}

async function countRows(connection: DuckDBConnection, relation: string): Promise<number> {
  const reader = await connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${relation}`);
  return Number(reader.getRows()[0]?.[0]);
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
