import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aucDifferenceEstimate, aucEstimate, jackknifeEstimate } from '../../learning/day-jackknife.ts';
import { histogramOf, mayDay, normals, type ScoredRow } from '../support/scored-rows.ts';

const WIDE = { confidence: 0.95, range: [-Infinity, Infinity] as const };

describe('jackknifeEstimate', () => {
  it('of a mean is the textbook t-interval', () => {
    const values = [5.1, 4.9, 6.2, 5.7, 5.5, 6.8, 4.4, 5.0, 5.9, 6.1];
    const mean = values.reduce((sum, value) => sum + value, 0) / 10;
    const leftOut = values.map((value) => (mean * 10 - value) / 9);
    const s = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 9);
    const estimate = jackknifeEstimate(mean, leftOut, WIDE);
    expect(estimate.value).toBe(mean);
    expect(estimate.lower).toBeCloseTo(mean - (2.262157 * s) / Math.sqrt(10), 5);
    expect(estimate.upper).toBeCloseTo(mean + (2.262157 * s) / Math.sqrt(10), 5);
  });

  it('says nothing with fewer than two blocks or an undefined one', () => {
    const options = { confidence: 0.95, range: [0, 1] as const };
    expect(jackknifeEstimate(0.7, [], options)).toEqual({ value: 0.7, lower: 0, upper: 1 });
    expect(jackknifeEstimate(0.7, [0.7], options)).toEqual({ value: 0.7, lower: 0, upper: 1 });
    expect(jackknifeEstimate(0.7, [0.7, Number.NaN], options)).toEqual({ value: 0.7, lower: 0, upper: 1 });
  });

  it('stays within the range and widens with confidence', () => {
    expect(jackknifeEstimate(0.99, [0.9, 0.99, 0.8], { confidence: 0.95, range: [0, 1] }).upper).toBe(1);
    const narrow = jackknifeEstimate(0.5, [0.5, 0.51, 0.49], { ...WIDE, confidence: 0.8 });
    const wide = jackknifeEstimate(0.5, [0.5, 0.51, 0.49], { ...WIDE, confidence: 0.99 });
    expect(wide.lower).toBeLessThan(narrow.lower);
  });
});

describe('AUC by days', () => {
  const row = fc.record({
    day: fc.integer({ min: 1, max: 5 }).map(mayDay),
    label: fc.integer({ min: 0, max: 1 }),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('is zero, without an interval, for the difference of a model from itself', () => {
    const both = [0, 1].flatMap((label) => [1, 2, 3].map((day) => ({ day: mayDay(day), label, score: 0.5 })));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), (more) => {
        const histogram = histogramOf([...both, ...more]);
        expect(aucDifferenceEstimate(histogram, histogram, 0.95)).toEqual({ value: 0, lower: 0, upper: 0 });
        const { value, lower, upper } = aucEstimate(histogram, 0.95);
        expect(lower).toBeLessThanOrEqual(value);
        expect(upper).toBeGreaterThanOrEqual(value);
      }),
    );
  });

  it('covers no difference about as often as it promises, though days differ', () => {
    let misses = 0;
    const experiments = 200;
    for (let experiment = 0; experiment < experiments; experiment++) {
      const normal = normals(experiment + 1);
      const first: ScoredRow[] = [];
      const second: ScoredRow[] = [];
      for (let day = 1; day <= 14; day++) {
        // On some days one model happens to be better, on others the other one: rows of a day are not independent.
        const skill = [1 + 0.5 * normal(), 1 + 0.5 * normal()];
        for (let flight = 0; flight < 40; flight++) {
          const label = flight % 4 === 0 ? 1 : 0;
          const score = (s: number | undefined): number => 1 / (1 + Math.exp(-((s ?? 0) * label + normal())));
          first.push({ day: mayDay(day), label, score: score(skill[0]) });
          second.push({ day: mayDay(day), label, score: score(skill[1]) });
        }
      }
      const { lower, upper } = aucDifferenceEstimate(histogramOf(first), histogramOf(second), 0.95);
      if (lower > 0 || upper < 0) misses++;
    }
    // 5 % of 200 are 10; 19 is three standard errors above.
    expect(misses).toBeLessThanOrEqual(19);
    expect(misses).toBeGreaterThanOrEqual(2);
  });
});
