import type { Estimate } from '../contracts/gates.ts';
import { aucOfCounts, type ScoreHistogram } from './score-histogram.ts';
import { tFactor } from './statistics.ts';

export interface JackknifeOptions {
  /** For example 0.95. */
  readonly confidence: number;
  /** Bounds of what is estimated: the interval is cut to them, and is all of them where nothing can be said. */
  readonly range: readonly [lowest: number, highest: number];
}

const AUC_RANGE = [0, 1] as const;
const DIFFERENCE_RANGE = [-1, 1] as const;

/**
 * Interval of an estimate from what it becomes when each block (day) is left out: value +- t(D - 1) * sqrt(s^2 / D)
 * with s^2 the variance of the D pseudo-values D * value - (D - 1) * value without day i (Tukey 1958). Rows of one day
 * depend on each other; an interval that takes rows as independent is several times too narrow.
 *
 * With fewer than two blocks, or where a left-out value is not defined, nothing can be said: the interval is the
 * whole range.
 */
export function jackknifeEstimate(
  value: number,
  leftOut: readonly number[],
  { confidence, range: [lowest, highest] }: JackknifeOptions,
): Estimate {
  const blocks = leftOut.length;
  if (blocks < 2 || !leftOut.every(Number.isFinite)) return { value, lower: lowest, upper: highest };
  const pseudo = leftOut.map((without) => blocks * value - (blocks - 1) * without);
  const mean = pseudo.reduce((sum, one) => sum + one, 0) / blocks;
  const variance = pseudo.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (blocks - 1);
  const half = tFactor(confidence, blocks - 1) * Math.sqrt(variance / blocks);
  return { value, lower: Math.max(lowest, value - half), upper: Math.min(highest, value + half) };
}

/** AUC with a delete-one-day interval. NaN with the whole range where a class is empty. */
export function aucEstimate(histogram: ScoreHistogram, confidence: number): Estimate {
  const { value, leftOut } = aucByLeftOutDay(histogram);
  return jackknifeEstimate(value, leftOut, { confidence, range: AUC_RANGE });
}

/** AUC of the first minus AUC of the second, both on the same rows, each day left out of both at once. */
export function aucDifferenceEstimate(first: ScoreHistogram, second: ScoreHistogram, confidence: number): Estimate {
  const a = aucByLeftOutDay(first);
  const b = aucByLeftOutDay(second);
  const differences = a.leftOut.map((auc, day) => auc - (b.leftOut[day] ?? Number.NaN));
  return jackknifeEstimate(a.value - b.value, differences, { confidence, range: DIFFERENCE_RANGE });
}

function aucByLeftOutDay(histogram: ScoreHistogram): { readonly value: number; readonly leftOut: readonly number[] } {
  const { total, days } = histogram;
  return { value: aucOfCounts(total), leftOut: days.map(({ counts }) => aucOfCounts(total, counts)) };
}
