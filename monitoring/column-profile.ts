import { SuperstepError } from '../contracts/failure-types.ts';
import { cellCount, type Bins } from './binning.ts';

/** Runs one SQL statement and gives its rows. Every value asked for here is a DOUBLE or a VARCHAR. */
export type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** A column with the bins it is counted on. */
export interface BinnedColumn {
  readonly column: string;
  readonly bins: Bins;
}

/** What is known of one column over one set of rows. Counts, min and max are exact; avg and stddev have 10 digits. */
export interface ColumnProfile extends BinnedColumn {
  /** Rows per cell, as binning.ts lays them out. */
  readonly counts: readonly number[];
  /** Rows with a value, NaN included. */
  readonly count: number;
  readonly nulls: number;
  readonly nans: number;
  readonly zeros: number;
  /** Approximate (HyperLogLog, about 2 %) above a few hundred. */
  readonly distinct: number;
  /** Of the finite values; null without any. */
  readonly avg: number | null;
  readonly stddev: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

/** Columns per statement: keeps wide tables within DuckDB's comfort. */
const COLUMNS_PER_SCAN = 64;

/**
 * Profiles columns of a relation in one scan per 64 columns. Values are read as float32, as the model sees them.
 * `relation` is what may stand after FROM: a table, or a SELECT in parentheses.
 */
export async function profileColumns(
  query: Query,
  relation: string,
  columns: readonly BinnedColumn[],
): Promise<ColumnProfile[]> {
  const profiles: ColumnProfile[] = [];
  for (let start = 0; start < columns.length; start += COLUMNS_PER_SCAN) {
    const part = columns.slice(start, start + COLUMNS_PER_SCAN);
    const [row] = await query(profileSql(relation, part));
    if (row === undefined) throw new SuperstepError('QueryFailed', `profiling ${relation} gave no row; expected one`);
    profiles.push(...part.map((column, index) => profileOf(column, row, index)));
  }
  return profiles;
}

/** One row of aggregates for all columns: `<what><index>`. */
function profileSql(relation: string, columns: readonly BinnedColumn[]): string {
  const aggregates = columns.flatMap(({ bins }, index) => columnAggregates(bins, index));
  return `SELECT ${aggregates.join(',\n  ')}\nFROM (${asModelInput(
    relation,
    columns.map(({ column }) => column),
  )})`;
}

/** `SELECT c0, f0, c1, ...`: the columns as doubles that hold float32 values, as they are and with the finite ones only. */
export function asModelInput(relation: string, columns: readonly string[]): string {
  const cast = columns.map((column, index) => `CAST(CAST(${quoted(column)} AS FLOAT) AS DOUBLE) AS c${index}`);
  const finite = columns.map((_, index) => `CASE WHEN isfinite(c${index}) THEN c${index} END AS f${index}`);
  return `SELECT *, ${finite.join(', ')} FROM (SELECT ${cast.join(', ')} FROM ${relation} AS relation)`;
}

/** An identifier in double quotes. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

function columnAggregates(bins: Bins, index: number): string[] {
  const c = `c${index}`;
  const f = `f${index}`;
  const bounds = boundsOf(bins).map(({ bound }) => bound);
  // Numbers as text: a literal such as 0.1 would be a DECIMAL, rounded on its way to DOUBLE.
  // A NaN compares with nothing and would end up in the first bin.
  const comparable = `CASE WHEN NOT isnan(${c}) THEN ${c} END`;
  const histogram = `map_values(histogram(${comparable}, CAST('[${bounds.join(',')}]' AS DOUBLE[])))`;
  return [
    ...(bounds.length === 0 ? [] : [`CAST(${histogram} AS VARCHAR) AS bins${index}`]),
    `CAST(count(*) AS DOUBLE) AS rows${index}`,
    `CAST(count(${c}) AS DOUBLE) AS count${index}`,
    `CAST(count_if(isnan(${c})) AS DOUBLE) AS nans${index}`,
    `CAST(count_if(${c} = 0) AS DOUBLE) AS zeros${index}`,
    `CAST(approx_count_distinct(${c}) AS DOUBLE) AS distinct${index}`,
    `avg(${f}) AS avg${index}`,
    `stddev_samp(${f}) AS stddev${index}`,
    `min(${f}) AS min${index}`,
    `max(${f}) AS max${index}`,
  ];
}

function profileOf(
  { column, bins }: BinnedColumn,
  row: Readonly<Record<string, unknown>>,
  index: number,
): ColumnProfile {
  const number = (what: string): number => Number(row[`${what}${index}`] ?? 0);
  const orNull = (what: string): number | null => {
    const value = row[`${what}${index}`];
    return value === null || value === undefined ? null : Number(value);
  };
  const list = row[`bins${index}`];
  const histogram = typeof list === 'string' ? (JSON.parse(list) as number[]) : [];
  const count = number('count');
  const nulls = number('rows') - count;
  return {
    column,
    bins,
    counts: cellsOf(bins, histogram, { count, nulls, nans: number('nans') }),
    count,
    nulls,
    nans: number('nans'),
    zeros: number('zeros'),
    distinct: number('distinct'),
    // Sums of floats depend on the order of addition, here the threads', in their last digits.
    avg: rounded(orNull('avg')),
    stddev: rounded(orNull('stddev')),
    min: orNull('min'),
    max: orNull('max'),
  };
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(10));
}

/**
 * DuckDB's histogram counts up to and including each bound. Since values are float32, one float below the first edge is
 * where "under" ends, and one below a value is where "between" ends, so that one histogram gives every cell.
 */
function boundsOf(bins: Bins): { readonly bound: number; readonly cell: number }[] {
  const unseen = cellCount(bins) - 2;
  const found = bins.edges.flatMap((edge, at) => {
    const isRangeEnd = bins.kind === 'quantile' && at > 0;
    const gap = { bound: floatBelow(edge), cell: at === 0 ? 0 : unseen };
    return isRangeEnd
      ? [{ bound: edge, cell: at }]
      : [gap, { bound: edge, cell: bins.kind === 'values' ? at + 1 : -1 }];
  });
  // The first edge of ranges belongs to the first range; neighbouring floats leave no gap between them.
  return found.filter(({ bound, cell }, at) => cell !== -1 && bound !== found[at - 1]?.bound);
}

function cellsOf(
  bins: Bins,
  histogram: readonly number[],
  { count, nulls, nans }: { count: number; nulls: number; nans: number },
): number[] {
  const cells = new Array<number>(cellCount(bins)).fill(0);
  const add = (cell: number, rows: number): void => {
    cells[cell] = (cells[cell] ?? 0) + rows;
  };
  const bounds = boundsOf(bins);
  for (const [at, { cell }] of bounds.entries()) add(cell, histogram[at] ?? 0);
  const below = cells.reduce((sum, rows) => sum + rows, 0);
  // What no bound took is above the last one, or, where the baseline had no value to compare with, unseen.
  add(bounds.length === 0 ? cells.length - 2 : cells.length - 3, count - nans - below);
  add(cells.length - 1, nulls + nans);
  return cells;
}

/** The next float32 below a float32. */
function floatBelow(value: number): number {
  const float = new Float32Array([value]);
  if (float[0] === 0) return -(2 ** -149);
  const bits = new Int32Array(float.buffer);
  bits[0] = (bits[0] ?? 0) + (value > 0 ? -1 : 1);
  return float[0] ?? value;
}
