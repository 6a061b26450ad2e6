import { asModelInput, type Query } from './column-profile.ts';

/** About how many rows quantiles are taken from. */
const SAMPLE_ROWS = 100_000;

export interface QuantileOptions {
  /** As may stand after FROM. */
  readonly relation: string;
  readonly columns: readonly string[];
  /** Rows of the relation. */
  readonly rows: number;
  /** Between 0 and 1. */
  readonly levels: readonly number[];
}

/**
 * Quantiles (values that occur, `quantile_disc`) of each column's finite values: exact up to 200,000 rows, beyond that
 * from a sample which depends on the rows' contents only. A sketch merged by several threads would differ from run to
 * run. An empty list for a column without values.
 */
export async function columnQuantiles(
  query: Query,
  { relation, columns, rows, levels }: QuantileOptions,
): Promise<number[][]> {
  if (columns.length === 0 || levels.length === 0) return columns.map(() => []);
  const every = Math.max(1, Math.floor(rows / SAMPLE_ROWS));
  const names = columns.map((_, index) => `f${index}`);
  const selected = names.map((name) => `CAST(quantile_disc(${name}, [${levels.join(', ')}]) AS VARCHAR) AS ${name}`);
  const sample = `SELECT * FROM (${asModelInput(relation, columns)}) WHERE hash(${names.join(', ')}) % ${every} = 0`;
  const [row] = await query(`SELECT ${selected.join(', ')} FROM (${sample})`);
  return names.map((name) => numbersOf(row?.[name]));
}

/** A list of numbers that was cast to VARCHAR; empty for NULL, without NULL elements. */
export function numbersOf(list: unknown): number[] {
  if (typeof list !== 'string') return [];
  return (JSON.parse(list.replaceAll('NULL', 'null')) as (number | null)[]).filter((value) => value !== null);
}
