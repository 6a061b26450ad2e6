import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';

/** Rows of float32 features, row by row: value of row r and column c at `r * columns + c`. NaN is a missing value. */
export interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

export interface LabelledMatrix {
  readonly matrix: Matrix;
  /** One 0 or 1 a row. */
  readonly labels: Float32Array;
}

export interface ParquetColumns {
  readonly file: string;
  readonly features: readonly string[];
  readonly label: string;
}

export interface RowRange {
  /** ISO instants: event times at or after `from` and before `until`. */
  readonly from?: string;
  readonly until?: string;
  /** At most this many rows, chosen by a hash of the row's position in the file; all where absent. */
  readonly maxRows?: number;
}

export interface RangeSummary {
  readonly rows: number;
  readonly positives: number;
  /** Rows whose label is neither 0 nor 1. */
  readonly badLabels: number;
}

/** Labelled rows of a Parquet file. Rows without a label (NULL) do not exist for it. */
export interface MatrixReader {
  readonly summarize: (range: RowRange) => Promise<RangeSummary>;
  /** The rows in the order of the file. */
  readonly read: (range: RowRange) => Promise<LabelledMatrix>;
  /** Last event time of a labelled row, as an ISO instant; undefined where there is none. */
  readonly lastEventTime: () => Promise<string | undefined>;
  readonly close: () => void;
}

/** DuckDB's own working memory while it decodes the file; the matrix itself comes on top. */
const DUCKDB_MEMORY = '512MB';

/**
 * Opens a dataset file for reading into matrices. Errors: `SchemaMismatch` where a column is missing or no number.
 */
export async function openMatrixReader(
  { file, features, label }: ParquetColumns,
  threads: number,
): Promise<MatrixReader> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads), memory_limit: DUCKDB_MEMORY });
  const connection = await instance.connect();
  const close = (): void => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    // Event times with a zone are compared with instants in UTC.
    await connection.run(`SET TimeZone = 'UTC'`);
    await checkColumns(connection, file, [...features, label, 'event_time']);
  } catch (error) {
    close();
    throw error;
  }
  const source = `read_parquet(${literal(file)}, file_row_number = true)`;
  const known = `FROM ${source} WHERE ${identifier(label)} IS NOT NULL`;
  const labelValue = `${identifier(label)}::FLOAT`;
  const where = (range: RowRange): string => `${known}${timeCondition(range)}`;
  const summarize = async (range: RowRange): Promise<RangeSummary> => {
    const row = await firstRow(
      connection,
      `SELECT count(*)::DOUBLE, count_if(${labelValue} = 1)::DOUBLE, count_if(${labelValue} NOT IN (0, 1))::DOUBLE ${where(range)}`,
    );
    return { rows: Number(row[0]), positives: Number(row[1]), badLabels: Number(row[2]) };
  };
  return {
    summarize,
    read: async (range) => {
      const total = (await summarize(range)).rows;
      const sample = await sampleCondition(connection, where(range), total, range.maxRows);
      const columns = [...features.map((name) => `coalesce(${identifier(name)}::FLOAT, 'nan'::FLOAT)`), labelValue];
      const rows = Math.min(total, range.maxRows ?? total);
      return fill(connection, `SELECT ${columns.join(', ')} ${where(range)}${sample}`, rows, features.length);
    },
    lastEventTime: async () => {
      const [micros] = await firstRow(connection, `SELECT epoch_us(max(event_time))::DOUBLE ${known}`);
      return micros === null ? undefined : new Date(Number(micros) / 1000).toISOString();
    },
    close,
  };
}

async function fill(connection: DuckDBConnection, sql: string, rows: number, columns: number): Promise<LabelledMatrix> {
  const values = new Float32Array(rows * columns);
  const labels = new Float32Array(rows);
  const result = await connection.stream(sql);
  let done = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    for (let column = 0; column < columns; column++) {
      const items = floats(chunk, column);
      for (let row = 0, at = done * columns + column; row < items.length; row++, at += columns) {
        values[at] = items[row] ?? Number.NaN;
      }
    }
    labels.set(floats(chunk, columns), done);
    done += chunk.rowCount;
  }
  return { matrix: { values, rows, columns }, labels };
}

function floats(chunk: DuckDBDataChunk, column: number): Float32Array {
  return (chunk.getColumnVector(column) as unknown as { readonly items: Float32Array }).items;
}

/** The rows with the smallest hashes: the same for every run, spread over the whole window. */
async function sampleCondition(
  connection: DuckDBConnection,
  where: string,
  total: number,
  maxRows: number | undefined,
): Promise<string> {
  if (maxRows === undefined || total <= maxRows) return '';
  const [cut] = await firstRow(
    connection,
    `SELECT max(h)::VARCHAR FROM (SELECT hash(file_row_number) AS h ${where} ORDER BY h LIMIT ${maxRows})`,
  );
  return ` AND hash(file_row_number) <= ${String(cut)}::UBIGINT`;
}

async function checkColumns(connection: DuckDBConnection, file: string, wanted: readonly string[]): Promise<void> {
  const reader = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${literal(file)})`);
  const types = new Map(reader.getRows().map((row) => [String(row[0]), String(row[1])]));
  for (const name of wanted) {
    const type = types.get(name);
    if (type === undefined) {
      throw new SuperstepError(
        'SchemaMismatch',
        `the dataset has no column "${name}"; it has ${[...types.keys()].join(', ')}. Add it to the spine, the labels or the feature views`,
        { column: name, found: [...types.keys()] },
      );
    }
    const expected = name === 'event_time' ? /^(TIMESTAMP|DATE)/ : /INT|FLOAT|DOUBLE|DECIMAL|BOOLEAN/;
    if (!expected.test(type)) {
      throw new SuperstepError(
        'SchemaMismatch',
        `column "${name}" of the dataset has type ${type}; expected ${name === 'event_time' ? 'an instant' : 'a number'}. Cast it in the project's SQL`,
        { column: name, type },
      );
    }
  }
}

async function firstRow(connection: DuckDBConnection, sql: string): Promise<readonly unknown[]> {
  return (await connection.runAndReadAll(sql)).getRows()[0] ?? [];
}

function timeCondition({ from, until }: RowRange): string {
  const instant = (iso: string): string => `make_timestamp(${Date.parse(iso)}000)`;
  return (
    (from === undefined ? '' : ` AND event_time >= ${instant(from)}`) +
    (until === undefined ? '' : ` AND event_time < ${instant(until)}`)
  );
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
