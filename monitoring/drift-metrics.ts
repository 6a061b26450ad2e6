import { chiSquaredQuantile, chiSquaredUpperTail } from '../learning/statistics.ts';
import { kolmogorovSurvival } from './kolmogorov.ts';

/**
 * Distances and tests between two count vectors on the same cells: reference first, current second. A vector without
 * any count has no distribution; the distances are NaN then.
 */
type Counts = readonly number[];

/** A test statistic with its p-value; `df` where the law has degrees of freedom. */
export interface TestResult {
  readonly statistic: number;
  readonly pvalue: number;
}

/** A share below this counts as this in the PSI, so that an empty cell costs much, not infinitely much. */
export const PSI_FLOOR = 1e-4;

/** Cells expected to hold fewer than this in either sample are pooled before the chi-squared test (Cochran's rule). */
const LEAST_EXPECTED = 5;

/** Population stability index: sum of (p - q) ln(p / q), shares floored at `floor`. */
export function psi(reference: Counts, current: Counts, floor = PSI_FLOOR): number {
  return sum(psiTerms(reference, current, floor));
}

/** Each cell's part of the PSI; they add up exactly, so the largest names where the shift is. */
export function psiTerms(reference: Counts, current: Counts, floor = PSI_FLOOR): number[] {
  return pairs(reference, current).map(([p, q]) => {
    // A cell empty on both sides adds nothing.
    const left = Math.max(p, floor);
    const right = Math.max(q, floor);
    return (left - right) * Math.log(left / right);
  });
}

/**
 * The PSI that identical distributions stay below in `confidence` of windows, (1/n + 1/m) times the chi-squared quantile
 * with B - 1 degrees of freedom (null law of the PSI): a smaller one cannot be told from chance at these sizes.
 */
export function smallestDetectablePsi(
  referenceRows: number,
  currentRows: number,
  cells: number,
  confidence = 0.99,
): number {
  if (cells < 2 || referenceRows === 0 || currentRows === 0) return 0;
  return (1 / referenceRows + 1 / currentRows) * chiSquaredQuantile(confidence, cells - 1);
}

/** Jensen-Shannon distance, the root of the divergence. Base 2 is within [0, 1]; natural within [0, sqrt(ln 2)]. */
export function jsDistance(reference: Counts, current: Counts, base: 2 | 'natural' = 2): number {
  const divergence = sum(
    pairs(reference, current).map(([p, q]) => {
      const middle = (p + q) / 2;
      return (relativeEntropy(p, middle) + relativeEntropy(q, middle)) / 2;
    }),
  );
  // Rounding can leave an identical pair slightly below zero.
  const natural = Math.sqrt(Math.max(0, divergence));
  return base === 2 ? natural / Math.sqrt(Math.LN2) : natural;
}

/** Kullback-Leibler divergence KL(p || q) in nats; infinite where q is empty and p is not. */
export function klDivergence(p: Counts, q: Counts): number {
  return sum(pairs(p, q).map(([left, right]) => relativeEntropy(left, right)));
}

/** Total variation: half the sum of |p - q|. */
export function totalVariation(reference: Counts, current: Counts): number {
  return sum(pairs(reference, current).map(([p, q]) => Math.abs(p - q))) / 2;
}

/** Largest |p - q| of any cell. */
export function lInfinity(reference: Counts, current: Counts): number {
  return Math.max(0, ...pairs(reference, current).map(([p, q]) => Math.abs(p - q)));
}

/** Hellinger distance: the norm of the difference of root shares over sqrt(2). */
export function hellinger(reference: Counts, current: Counts): number {
  return Math.sqrt(sum(pairs(reference, current).map(([p, q]) => (Math.sqrt(p) - Math.sqrt(q)) ** 2)) / 2);
}

/**
 * Two-sample chi-squared test on the 2 x B contingency table, without Yates' correction. Cells empty on both sides do
 * not count. This form, not goodness of fit against the reference: that takes the reference as exact and alarms on
 * identical data up to 96 % of the time. Fewer than two cells cannot differ: statistic 0, p 1.
 */
export function chiSquaredTwoSample(reference: Counts, current: Counts): TestResult & { readonly df: number } {
  const n = sum(reference);
  const m = sum(current);
  const cells = reference.map((count, cell) => [count, current[cell] ?? 0] as const).filter(([a, b]) => a + b > 0);
  const df = Math.max(0, cells.length - 1);
  if (n === 0 || m === 0 || df === 0) return { statistic: 0, df, pvalue: 1 };
  const statistic = sum(cells.map(([a, b]) => (a * m - b * n) ** 2 / (n * m * (a + b))));
  return { statistic, df, pvalue: chiSquaredUpperTail(statistic, df) };
}

/**
 * Pools the cells in which either sample is expected to have fewer than `least` rows under equal distributions; a pool
 * that is itself too small joins the smallest cell left. Without this a single row beyond the reference's extremes
 * makes the chi-squared statistic explode.
 */
export function poolSparseCells(reference: Counts, current: Counts, least = LEAST_EXPECTED): [number[], number[]] {
  const n = sum(reference);
  const m = sum(current);
  const smallerShare = Math.min(n, m) / (n + m);
  const isSparse = ([a, b]: readonly [number, number]): boolean => (a + b) * smallerShare < least;
  const cells = reference.map((count, cell) => [count, current[cell] ?? 0] as const);
  const kept = cells.filter((cell) => !isSparse(cell)).sort(([a, b], [c, d]) => c + d - (a + b));
  let pool: readonly [number, number] = [0, 0];
  for (const [a, b] of cells.filter(isSparse)) pool = [pool[0] + a, pool[1] + b];
  const smallest = isSparse(pool) ? kept.pop() : undefined;
  if (smallest !== undefined) pool = [pool[0] + smallest[0], pool[1] + smallest[1]];
  if (pool[0] + pool[1] > 0) kept.push(pool);
  return [kept.map(([a]) => a), kept.map(([, b]) => b)];
}

/**
 * Kolmogorov-Smirnov over ordered cells: largest difference of the cumulated shares. Within the largest bin's mass of
 * the exact statistic, never above it; exact where each value has its own cell. p from the one-sample law at
 * nm / (n + m) (as scipy's `asymp`), conservative for values with ties.
 */
export function ksOnBins(reference: Counts, current: Counts): TestResult {
  const n = sum(reference);
  const m = sum(current);
  if (n === 0 || m === 0) return { statistic: 0, pvalue: 1 };
  let statistic = 0;
  let below = 0;
  for (const [p, q] of pairs(reference, current)) {
    below += p - q;
    statistic = Math.max(statistic, Math.abs(below));
  }
  return { statistic, pvalue: kolmogorovSurvival(Math.round((n * m) / (n + m)), statistic) };
}

/** Points on a line with weights, for {@link wasserstein}. */
export interface WeightedPoints {
  readonly positions: readonly number[];
  readonly weights: readonly number[];
}

/** Wasserstein-1 distance between two weighted point sets: the integral of |F - G|, in the column's own unit. */
export function wasserstein(reference: WeightedPoints, current: WeightedPoints): number {
  const n = sum(reference.weights);
  const m = sum(current.weights);
  const steps = [
    ...reference.positions.map((position, at) => ({ position, step: (reference.weights[at] ?? 0) / n })),
    ...current.positions.map((position, at) => ({ position, step: -(current.weights[at] ?? 0) / m })),
  ].sort((a, b) => a.position - b.position);
  let gap = 0;
  let area = 0;
  for (const [at, { position, step }] of steps.entries()) {
    gap += step;
    area += Math.abs(gap) * ((steps[at + 1]?.position ?? position) - position);
  }
  return area;
}

function relativeEntropy(p: number, q: number): number {
  return p === 0 ? 0 : p * Math.log(p / q);
}

function pairs(reference: Counts, current: Counts): (readonly [number, number])[] {
  if (reference.length !== current.length) {
    throw new RangeError(`counts of ${reference.length} and ${current.length} cells are not on the same bins`);
  }
  const n = sum(reference);
  const m = sum(current);
  return reference.map((count, cell) => [count / n, (current[cell] ?? 0) / m] as const);
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
