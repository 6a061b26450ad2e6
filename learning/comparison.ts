import { SuperstepError } from '../contracts/failure-types.ts';
import type { Estimate, Verdict } from '../contracts/gates.ts';
import { aucDifferenceEstimate, aucEstimate } from './day-jackknife.ts';
import { classSizes, type ScoreHistogram } from './score-histogram.ts';

export interface PairedComparison {
  readonly challenger: Estimate;
  readonly champion: Estimate;
  /** Challenger's AUC minus champion's. */
  readonly difference: Estimate;
  readonly days: number;
  readonly verdict: Verdict;
  /** One sentence for a person. */
  readonly summary: string;
}

export interface ComparisonRule {
  /** The least gain in AUC that is worth a change. */
  readonly margin: number;
  readonly confidence: number;
}

/**
 * Compares two models' AUC on the same rows. `pass`: the difference's lower bound is above 0 and the difference at
 * least the margin; `fail`: its upper bound is below the margin; else `inconclusive`.
 *
 * Errors: `InvalidInput` where the two were not scored on the same days and labels, `EmptyDataset` where there are not
 * both labels.
 */
export function comparePaired(
  challenger: ScoreHistogram,
  champion: ScoreHistogram,
  { margin, confidence }: ComparisonRule,
): PairedComparison {
  checkSameRows(challenger, champion);
  const difference = aucDifferenceEstimate(challenger, champion, confidence);
  if (!Number.isFinite(difference.value)) {
    throw new SuperstepError(
      'EmptyDataset',
      'the rows to compare on have only one label, or there are none; expected both labels. Choose a longer held-out window',
    );
  }
  const verdict = verdictOf(difference, margin);
  return {
    challenger: aucEstimate(challenger, confidence),
    champion: aucEstimate(champion, confidence),
    difference,
    days: challenger.days.length,
    verdict,
    summary: summarize(difference, challenger.days.length, verdict, { margin, confidence }),
  };
}

function verdictOf({ value, lower, upper }: Estimate, margin: number): Verdict {
  if (lower > 0 && value >= margin) return 'pass';
  return upper < margin ? 'fail' : 'inconclusive';
}

function summarize(difference: Estimate, days: number, verdict: Verdict, rule: ComparisonRule): string {
  const { value, lower, upper } = difference;
  const interval = `${signed(value)} (${Math.round(rule.confidence * 1000) / 10} % interval ${signed(lower)} to ${signed(upper)}, ${days} ${days === 1 ? 'day' : 'days'})`;
  const meaning = {
    pass: `a gain, and at least the margin of ${rule.margin}`,
    fail: `no gain of the margin of ${rule.margin}`,
    inconclusive:
      days < 2
        ? 'one day says nothing about how days differ, so a person must decide'
        : `these days cannot tell whether there is a gain of the margin of ${rule.margin}, so a person must decide`,
  }[verdict];
  return `AUC changes by ${interval}: ${meaning}.`;
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(4)}`;
}

function checkSameRows(challenger: ScoreHistogram, champion: ScoreHistogram): void {
  const shape = (histogram: ScoreHistogram): string[] =>
    histogram.days.map(({ day, counts }) => {
      const { positives, negatives } = classSizes(counts);
      return `${day}: ${positives} positive and ${negatives} negative rows`;
    });
  const first = shape(challenger);
  const second = shape(champion);
  const at = Array.from({ length: Math.max(first.length, second.length) }).findIndex((_, i) => first[i] !== second[i]);
  if (at === -1) return;
  throw new SuperstepError(
    'InvalidInput',
    `challenger and champion were scored on different rows: ${first[at] ?? 'no more days'} against ${second[at] ?? 'no more days'}; ` +
      'expected the same rows. Score both on the pinned evaluation set',
  );
}
