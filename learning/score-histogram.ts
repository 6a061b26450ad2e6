import { SuperstepError } from '../contracts/failure-types.ts';

/** Equal bins over the scores' range [0, 1]; bin b holds [b / 10000, (b + 1) / 10000), the last one 1 as well. */
export const SCORE_BINS = 10_000;

/** How many rows of a day have a label and a score in a bin: what the SQL of score-histogram-sql.ts answers. */
export interface ScoreHistogramRow {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly label: number;
  readonly bin: number;
  readonly count: number;
  /** Value of the column that results are sliced by. */
  readonly slice?: string | null;
}

/** Counts a bin: `positives[i]` rows with label 1 and `negatives[i]` with label 0 have a score in bin `bins[i]`. */
export interface ScoreCounts {
  /** Bins that have rows, ascending; the same for all days of a histogram. */
  readonly bins: readonly number[];
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

/**
 * Scores and labels of an evaluation, as exact counts by day, label and score bin. Two scores in one bin count as
 * tied. Counts add up, so that histograms can be merged in any order, and everything computed from them is the same
 * on each replay.
 */
export interface ScoreHistogram {
  /** Days that have rows, ascending. */
  readonly days: readonly { readonly day: string; readonly counts: ScoreCounts }[];
  /** All days together. */
  readonly total: ScoreCounts;
}

/** The bin of a score; `InvalidInput` where it is no probability. */
export function scoreBin(score: number): number {
  if (!(score >= 0 && score <= 1)) {
    throw new SuperstepError('InvalidInput', `a score is ${score}; expected a number between 0 and 1`);
  }
  return Math.min(SCORE_BINS - 1, Math.floor(score * SCORE_BINS));
}

/** The score that stands for all of a bin: its centre, at most 0.00005 off. */
export function binScore(bin: number): number {
  return (bin + 0.5) / SCORE_BINS;
}

/** Builds a histogram; rows of the same day, label and bin add up. */
export function scoreHistogram(rows: readonly ScoreHistogramRow[]): ScoreHistogram {
  rows.forEach(checkRow);
  const bins = [...new Set(rows.map(({ bin }) => bin))].sort((a, b) => a - b);
  const position = new Map(bins.map((bin, index) => [bin, index]));
  const total = emptyCounts(bins);
  const byDay = new Map<string, ScoreCounts>();
  for (const { day, label, bin, count } of rows) {
    const counts = byDay.get(day) ?? emptyCounts(bins);
    byDay.set(day, counts);
    const index = position.get(bin) ?? 0;
    for (const { positives, negatives } of [counts, total]) {
      const side = label === 1 ? positives : negatives;
      side[index] = at(side, index) + count;
    }
  }
  const days = [...byDay].map(([day, counts]) => ({ day, counts }));
  return { days: days.sort((a, b) => (a.day < b.day ? -1 : 1)), total };
}

/** Number of rows with label 1 and 0. */
export function classSizes(counts: ScoreCounts): { readonly positives: number; readonly negatives: number } {
  return { positives: sum(counts.positives), negatives: sum(counts.negatives) };
}

/**
 * Area under the ROC curve: the share of (positive, negative) pairs where the positive has the higher score, ties
 * (same bin) counting half (Mann-Whitney). Rows in `without` are left out. NaN where a class is empty.
 */
export function aucOfCounts(counts: ScoreCounts, without?: ScoreCounts): number {
  let negativesBelow = 0;
  let positives = 0;
  let wins = 0;
  for (let index = 0; index < counts.bins.length; index++) {
    const p = at(counts.positives, index) - (without === undefined ? 0 : at(without.positives, index));
    const n = at(counts.negatives, index) - (without === undefined ? 0 : at(without.negatives, index));
    wins += p * (negativesBelow + n / 2);
    negativesBelow += n;
    positives += p;
  }
  return wins / (positives * negativesBelow);
}

/** Mean of -ln(probability given to what happened), each score taken at its bin's centre. */
export function logLossOfCounts(counts: ScoreCounts): number {
  return meanOver(counts, (score, label) => -Math.log(label === 1 ? score : 1 - score));
}

/** Mean squared difference of score and label (Brier), each score taken at its bin's centre. */
export function brierOfCounts(counts: ScoreCounts): number {
  return meanOver(counts, (score, label) => (score - label) ** 2);
}

function meanOver(counts: ScoreCounts, loss: (score: number, label: 0 | 1) => number): number {
  let total = 0;
  let rows = 0;
  counts.bins.forEach((bin, index) => {
    const p = at(counts.positives, index);
    const n = at(counts.negatives, index);
    total += p * loss(binScore(bin), 1) + n * loss(binScore(bin), 0);
    rows += p + n;
  });
  return total / rows;
}

function checkRow({ day, label, bin, count }: ScoreHistogramRow): void {
  const binFits = Number.isInteger(bin) && bin >= 0 && bin < SCORE_BINS;
  if ((label === 0 || label === 1) && binFits && Number.isInteger(count) && count >= 0) return;
  throw new SuperstepError(
    'InvalidInput',
    `a histogram row of ${day} has label ${label}, bin ${bin}, count ${count}; expected label 0 or 1, a bin below ${SCORE_BINS}, a count`,
  );
}

function emptyCounts(bins: readonly number[]): ScoreCounts {
  return { bins, positives: new Float64Array(bins.length), negatives: new Float64Array(bins.length) };
}

function at(values: Float64Array, index: number): number {
  return values[index] ?? 0;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
