import { describe, expect, it } from 'vitest';
import { evaluate, evaluateSlices } from '../../learning/evaluation.ts';
import { scoreBin } from '../../learning/score-histogram.ts';
import { seededRandom } from '../../learning/seeded-random.ts';
import { histogramOf, mayDay, type ScoredRow } from '../support/scored-rows.ts';

/** Calibrated scores: the label is 1 as often as the score says. */
function calibrated(rows: number, seed = 5): ScoredRow[] {
  const uniform = seededRandom(seed);
  return Array.from({ length: rows }, (_, index) => {
    const score = uniform();
    return { day: mayDay(1 + (index % 14)), label: uniform() < score ? 1 : 0, score };
  });
}

describe('evaluate', () => {
  const rows = calibrated(20_000);
  const evaluation = evaluate(histogramOf(rows), { confidence: 0.95 });

  it('counts, and finds what calibrated uniform scores must give', () => {
    expect(evaluation).toMatchObject({ rows: 20_000, days: 14 });
    expect(evaluation.positives).toBe(rows.filter(({ label }) => label === 1).length);
    // With scores uniform on [0, 1]: AUC 5/6, Brier 1/6, log loss 1/2.
    expect(evaluation.auc.value).toBeCloseTo(5 / 6, 1);
    expect(evaluation.auc.lower).toBeLessThan(5 / 6);
    expect(evaluation.auc.upper).toBeGreaterThan(5 / 6);
    expect(evaluation.brier).toBeCloseTo(1 / 6, 2);
    expect(evaluation.logLoss).toBeCloseTo(0.5, 1);
  });

  it('draws a ROC curve of at most 101 rising points whose area is the AUC', () => {
    const { roc, auc } = evaluation;
    expect(roc.length).toBeLessThanOrEqual(101);
    expect(roc.length).toBeGreaterThan(90);
    expect([roc[0], roc.at(-1)]).toEqual([
      [0, 0],
      [1, 1],
    ]);
    let area = 0;
    roc.slice(1).forEach(([x, y], index) => {
      const [before, below] = roc[index] ?? [0, 0];
      expect(x).toBeGreaterThanOrEqual(before);
      expect(y).toBeGreaterThanOrEqual(below);
      area += ((x - before) * (y + below)) / 2;
    });
    expect(area).toBeCloseTo(auc.value, 3);
  });

  it('groups rows into ten of equal size, observed as predicted', () => {
    expect(evaluation.calibration).toHaveLength(10);
    expect(evaluation.calibration.reduce((sum, { count }) => sum + count, 0)).toBe(20_000);
    for (const { predicted, observed, count } of evaluation.calibration) {
      expect(Math.abs(count - 2000)).toBeLessThan(50);
      expect(Math.abs(observed - predicted)).toBeLessThan(0.05);
    }
  });

  it('needs fewer groups where many rows have one score', () => {
    const same = Array.from({ length: 100 }, (_, index) => ({
      day: mayDay(1),
      label: index % 2,
      score: index < 75 ? 0.2 : 0.5 + index / 1000,
    }));
    const { calibration } = evaluate(histogramOf(same), { confidence: 0.95 });
    expect(calibration.map(({ count }) => count)).toEqual([75, 5, 10, 10]);
  });

  it('refuses rows of one label', () => {
    const late = histogramOf(rows.filter(({ label }) => label === 1));
    expect(() => evaluate(late, { confidence: 0.95 })).toThrow(expect.objectContaining({ type: 'EmptyDataset' }));
  });
});

describe('evaluateSlices', () => {
  it('evaluates each slice as if it were alone, by name', () => {
    const rows = calibrated(3000).map((row, index) => ({
      ...row,
      slice: index % 3 === 0 ? null : index % 3 === 1 ? 'ORD' : 'ATL',
    }));
    const onlyLate = { day: mayDay(1), label: 1, score: 0.3, slice: 'XNA' };
    const counted = [...rows, onlyLate].map(({ score, ...row }) => ({ ...row, bin: scoreBin(score), count: 1 }));
    const slices = evaluateSlices(counted, { confidence: 0.95 });
    expect(slices.map(({ slice }) => slice)).toEqual(['(none)', 'ATL', 'ORD', 'XNA']);
    const alone = evaluate(histogramOf(rows.filter(({ slice }) => slice === 'ATL')), { confidence: 0.95 });
    expect(slices[1]).toEqual({ slice: 'ATL', rows: alone.rows, positives: alone.positives, auc: alone.auc });
    expect(slices[3]).toEqual({ slice: 'XNA', rows: 1, positives: 1, auc: null });
  });
});
