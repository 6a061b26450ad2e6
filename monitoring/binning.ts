/**
 * How a column's values are counted. Bins come from the baseline and never change afterwards, so that counts of any two
 * windows can be compared, and counts of parts added up: integers, exact, in any order.
 */
export interface Bins {
  /** `quantile`: ranges between the baseline's quantiles. `values`: one bin for each of the baseline's few values. */
  readonly kind: 'quantile' | 'values';
  /**
   * Ascending. `quantile`: k + 1 edges of k bins [e0, e1], (e1, e2], ... (upper edge included). `values`: the values.
   * Empty where the baseline has no value at all.
   */
  readonly edges: readonly number[];
  /** `quantile`: where a bin's rows lie on average, from a sample of the baseline. @default the middles of the bins */
  readonly centres?: readonly number[];
}

/** How many quantile bins a column gets, and up to how many distinct values each value gets a bin of its own. */
export const DEFAULT_BINS = 50;
export const MAX_VALUE_BINS = 20;

/** Cells around the bins: below the first, above the last, a value between the baseline's values, NULL or NaN. */
const OUTER_CELLS = 4;

/** Length of a count vector: under, the bins, over, unseen, missing. */
export function cellCount(bins: Bins): number {
  return binCount(bins) + OUTER_CELLS;
}

/** Number of bins proper. */
function binCount(bins: Bins): number {
  return bins.kind === 'values' ? bins.edges.length : bins.edges.length - 1;
}

/** Index of the cell that a value falls into; the SQL of bin-counts.ts counts the same way. */
export function cellOf(bins: Bins, value: number | null): number {
  const cells = cellCount(bins);
  if (value === null || Number.isNaN(value)) return cells - 1;
  const first = bins.edges[0];
  const last = bins.edges.at(-1);
  if (first === undefined || last === undefined) return cells - 2;
  if (value < first) return 0;
  if (value > last) return cells - 3;
  if (bins.kind === 'values') {
    const at = bins.edges.indexOf(value);
    return at === -1 ? cells - 2 : at + 1;
  }
  return Math.max(
    1,
    bins.edges.findIndex((edge) => value <= edge),
  );
}

/** What a cell holds, for people: `<= 0.1`, `0.1 to 0.2`, `7`, `missing`. */
export function cellLabel(bins: Bins, cell: number): string {
  const cells = cellCount(bins);
  const text = (edge: number | undefined): string => String(Number((edge ?? Number.NaN).toPrecision(4)));
  if (cell === cells - 1) return 'missing';
  if (cell === cells - 2) return 'values the baseline never had';
  if (cell === 0) return `below ${text(bins.edges[0])}`;
  if (cell === cells - 3) return `above ${text(bins.edges.at(-1))}`;
  return bins.kind === 'values'
    ? text(bins.edges[cell - 1])
    : `${text(bins.edges[cell - 1])} to ${text(bins.edges[cell])}`;
}

/**
 * Where each cell lies on the number line, for distances that need an order: bins by their centre (or value), under and
 * over halfway to the extremes seen. Unseen and missing have no place and are left out, so the result is two shorter
 * than the count vector.
 */
export function cellPositions(bins: Bins, lowest: number, highest: number): number[] {
  const { edges, kind } = bins;
  const first = edges[0];
  const last = edges.at(-1);
  if (first === undefined || last === undefined) return [];
  const centres = kind === 'values' ? edges : (bins.centres ?? ranges(edges).map(([from, to]) => (from + to) / 2));
  return [(Math.min(lowest, first) + first) / 2, ...centres, (last + Math.max(highest, last)) / 2];
}

/**
 * Quantile bins over ascending cut points; equal neighbours (ties) are merged. `inner` are quantiles between the cut
 * points, whose means become the centres.
 */
export function quantileBins(cuts: readonly number[], inner: readonly number[] = []): Bins {
  const edges = cuts.filter((cut, index) => index === 0 || cut > (cuts[index - 1] ?? Number.NEGATIVE_INFINITY));
  if (edges.length < 2) return { kind: 'values', edges };
  const centres = ranges(edges).map(([from, to], bin) => {
    const within = inner.filter((value) => (value > from || (bin === 0 && value === from)) && value <= to);
    return within.length === 0 ? (from + to) / 2 : within.reduce((sum, value) => sum + value, 0) / within.length;
  });
  return { kind: 'quantile', edges, centres };
}

function ranges(edges: readonly number[]): (readonly [number, number])[] {
  return edges.slice(1).map((to, index) => [edges[index] ?? to, to] as const);
}

/** One bin per value. */
export function valueBins(values: readonly number[]): Bins {
  return { kind: 'values', edges: [...new Set(values)].sort((a, b) => a - b) };
}

/** Counts of the union of two sets of rows that were counted on the same bins. */
export function mergeCounts(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length)
    throw new RangeError(`counts of ${a.length} and ${b.length} cells are not on the same bins`);
  return a.map((count, cell) => count + (b[cell] ?? 0));
}
