import { SuperstepError } from '../contracts/failure-types.ts';
import type { CalibrationBin, ModelMetrics } from '../contracts/evidence.ts';
import type { Estimate } from '../contracts/gates.ts';
import { aucEstimate } from './day-jackknife.ts';
import {
  binScore,
  brierOfCounts,
  classSizes,
  logLossOfCounts,
  scoreHistogram,
  type ScoreCounts,
  type ScoreHistogram,
  type ScoreHistogramRow,
} from './score-histogram.ts';

export interface SliceEvaluation {
  readonly slice: string;
  readonly rows: number;
  readonly positives: number;
  /** Null where the slice has only one label. */
  readonly auc: Estimate | null;
}

const ROC_STEPS = 100;
const CALIBRATION_BINS = 10;

/** How good the scores are. Errors: `EmptyDataset` where there are not both labels. */
export function evaluate(histogram: ScoreHistogram, { confidence }: { readonly confidence: number }): ModelMetrics {
  const counts = histogram.total;
  const { positives, negatives } = classSizes(counts);
  if (positives === 0 || negatives === 0) {
    throw new SuperstepError(
      'EmptyDataset',
      `the rows to evaluate on have ${positives} positive and ${negatives} negative labels; expected both. Choose a longer window`,
      { positives, negatives },
    );
  }
  return {
    auc: aucEstimate(histogram, confidence),
    logLoss: logLossOfCounts(counts),
    brier: brierOfCounts(counts),
    rows: positives + negatives,
    positives,
    days: histogram.days.length,
    roc: rocCurve(counts, positives, negatives),
    calibration: calibrationBins(counts, positives + negatives),
  };
}

/** The same AUC for each value of the slice column, by name; rows without a value come as `(none)`. */
export function evaluateSlices(
  rows: Iterable<ScoreHistogramRow>,
  { confidence }: { readonly confidence: number },
): SliceEvaluation[] {
  const bySlice = new Map<string, ScoreHistogramRow[]>();
  for (const row of rows) {
    const name = row.slice ?? '(none)';
    const own = bySlice.get(name);
    if (own === undefined) bySlice.set(name, [row]);
    else own.push(row);
  }
  const slices = [...bySlice].sort(([a], [b]) => (a < b ? -1 : 1));
  return slices.map(([slice, own]) => {
    const histogram = scoreHistogram(own);
    const { positives, negatives } = classSizes(histogram.total);
    const auc = positives > 0 && negatives > 0 ? aucEstimate(histogram, confidence) : null;
    return { slice, rows: positives + negatives, positives, auc };
  });
}

function rocCurve(counts: ScoreCounts, positives: number, negatives: number): (readonly [number, number])[] {
  const points: (readonly [number, number])[] = [[0, 0]];
  let truePositives = 0;
  let falsePositives = 0;
  for (let index = counts.bins.length - 1; index >= 0; index--) {
    truePositives += counts.positives[index] ?? 0;
    falsePositives += counts.negatives[index] ?? 0;
    const fpr = falsePositives / negatives;
    // The first threshold at or beyond each step; 99 of them between the ends.
    if (fpr < 1 && fpr >= points.length / ROC_STEPS) points.push([fpr, truePositives / positives]);
  }
  return [...points, [1, 1]];
}

function calibrationBins(counts: ScoreCounts, rows: number): CalibrationBin[] {
  const groups: CalibrationBin[] = [];
  let seen = 0;
  let boundary = rows / CALIBRATION_BINS;
  let group = { count: 0, scores: 0, positives: 0 };
  for (const [index, bin] of counts.bins.entries()) {
    const p = counts.positives[index] ?? 0;
    const count = p + (counts.negatives[index] ?? 0);
    if (count === 0) continue;
    seen += count;
    group = {
      count: group.count + count,
      scores: group.scores + count * binScore(bin),
      positives: group.positives + p,
    };
    if (seen < boundary) continue;
    // A bin may hold the rows of several groups: the next boundary is the first one beyond it.
    boundary = ((Math.floor((seen * CALIBRATION_BINS) / rows) + 1) * rows) / CALIBRATION_BINS;
    groups.push({
      predicted: group.scores / group.count,
      observed: group.positives / group.count,
      count: group.count,
    });
    group = { count: 0, scores: 0, positives: 0 };
  }
  return groups;
}
