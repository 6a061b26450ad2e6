import { describe, expect, it } from 'vitest';
import { comparePaired } from '../../learning/comparison.ts';
import { histogramOf, mayDay, normals, type ScoredRow } from '../support/scored-rows.ts';

/** Ten days of the same rows scored with more or less noise. */
function scores(noise: number, days = 10, seed = 3): ScoredRow[] {
  const normal = normals(seed);
  return Array.from({ length: days * 200 }, (_, index) => {
    const label = index % 5 === 0 ? 1 : 0;
    return { day: mayDay(1 + (index % days)), label, score: 1 / (1 + Math.exp(-(label + noise * normal()))) };
  });
}
const good = histogramOf(scores(1));
const bad = histogramOf(scores(2, 10, 4));

describe('comparePaired', () => {
  it('passes a challenger that is better by the margin', () => {
    const result = comparePaired(good, bad, { margin: 0.002, confidence: 0.95 });
    expect(result.verdict).toBe('pass');
    expect(result.days).toBe(10);
    expect(result.difference.value).toBeCloseTo(result.challenger.value - result.champion.value, 12);
    expect(result.difference.lower).toBeGreaterThan(0);
    expect(result.summary).toMatch(
      /^AUC changes by \+0\.\d{4} \(95 % interval \+0\.\d{4} to \+0\.\d{4}, 10 days\): a gain/,
    );
  });

  it('fails one that is worse, and one that is not better by the margin', () => {
    expect(comparePaired(bad, good, { margin: 0, confidence: 0.95 }).verdict).toBe('fail');
    expect(comparePaired(good, bad, { margin: 0.5, confidence: 0.95 }).verdict).toBe('fail');
    expect(comparePaired(good, good, { margin: 0.002, confidence: 0.95 }).verdict).toBe('fail');
  });

  it('leaves to a person what the days cannot tell', () => {
    expect(comparePaired(good, good, { margin: 0, confidence: 0.95 }).verdict).toBe('inconclusive');
    const oneDay = comparePaired(histogramOf(scores(1, 1)), histogramOf(scores(2, 1, 4)), {
      margin: 0,
      confidence: 0.95,
    });
    expect(oneDay).toMatchObject({ verdict: 'inconclusive', difference: { lower: -1, upper: 1 }, days: 1 });
    expect(oneDay.summary).toContain('one day says nothing');
  });

  it('refuses two models that were scored on different rows', () => {
    const other = histogramOf([...scores(1), { day: mayDay(3), label: 1, score: 0.5 }]);
    expect(() => comparePaired(good, other, { margin: 0, confidence: 0.95 })).toThrow(
      expect.objectContaining({ type: 'InvalidInput', message: expect.stringContaining(mayDay(3)) as string }),
    );
    const longer = histogramOf(scores(1, 11));
    expect(() => comparePaired(good, longer, { margin: 0, confidence: 0.95 })).toThrow(/different rows/);
  });

  it('refuses rows of one label', () => {
    const late = histogramOf(scores(1).filter(({ label }) => label === 1));
    expect(() => comparePaired(late, late, { margin: 0, confidence: 0.95 })).toThrow(
      expect.objectContaining({ type: 'EmptyDataset' }),
    );
  });
});
