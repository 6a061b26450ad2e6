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

/** Counts a bin of the rows with label 1 and of those with label 0. */
export interface ScoreCounts {
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
export function scoreHistogram(rows: Iterable<ScoreHistogramRow>): ScoreHistogram {
  const byDay = new Map<string, ScoreCounts>();
  for (const { day, label, bin, count } of rows) {
    if ((label !== 0 && label !== 1) || !Number.isInteger(bin) || bin < 0 || bin >= SCORE_BINS || !(count >= 0)) {
      throw new SuperstepError(
        'InvalidInput',
        `a histogram row of ${day} has label ${label}, bin ${bin}, count ${count}; expected label 0 or 1, a bin below ${SCORE_BINS}, a count`,
      );
    }
    const counts = byDay.get(day) ?? emptyCounts();
    byDay.set(day, counts);
    const side = label === 1 ? counts.positives : counts.negatives;
    side[bin] = (side[bin] ?? 0) + count;
  }
  const days = [...byDay].map(([day, counts]) => ({ day, counts }));
  return { days: days.sort((a, b) => (a.day < b.day ? -1 : 1)) };
}

/** All days' counts together. */
export function totalCounts(histogram: ScoreHistogram): ScoreCounts {
  const total = emptyCounts();
  for (const { counts } of histogram.days) {
    for (let bin = 0; bin < SCORE_BINS; bin++) {
      total.positives[bin] = at(total.positives, bin) + at(counts.positives, bin);
      total.negatives[bin] = at(total.negatives, bin) + at(counts.negatives, bin);
    }
  }
  return total;
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
  for (let bin = 0; bin < SCORE_BINS; bin++) {
    const p = at(counts.positives, bin) - (without === undefined ? 0 : at(without.positives, bin));
    const n = at(counts.negatives, bin) - (without === undefined ? 0 : at(without.negatives, bin));
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
  for (let bin = 0; bin < SCORE_BINS; bin++) {
    const p = at(counts.positives, bin);
    const n = at(counts.negatives, bin);
    if (p > 0) total += p * loss(binScore(bin), 1);
    if (n > 0) total += n * loss(binScore(bin), 0);
    rows += p + n;
  }
  return total / rows;
}

function emptyCounts(): ScoreCounts {
  return { positives: new Float64Array(SCORE_BINS), negatives: new Float64Array(SCORE_BINS) };
}

function at(values: Float64Array, bin: number): number {
  return values[bin] ?? 0;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
