import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cellCount,
  cellLabel,
  cellOf,
  cellPositions,
  mergeCounts,
  quantileBins,
  valueBins,
  type Bins,
} from '../../monitoring/binning.ts';

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const anyBins: fc.Arbitrary<Bins> = fc.oneof(
  fc.array(finite, { maxLength: 20 }).map((values) => valueBins(values)),
  fc.array(finite, { minLength: 2, maxLength: 30 }).map((cuts) => quantileBins(cuts.sort((a, b) => a - b))),
);
const anyValue = fc.option(fc.oneof(finite, fc.constantFrom(Number.NaN, Infinity, -Infinity)));

function countOn(bins: Bins, values: readonly (number | null)[]): number[] {
  const counts = new Array<number>(cellCount(bins)).fill(0);
  for (const value of values) counts[cellOf(bins, value)] = (counts[cellOf(bins, value)] ?? 0) + 1;
  return counts;
}

describe('cells', () => {
  it('take in every value, each in one', () => {
    fc.assert(
      fc.property(anyBins, anyValue, (bins, value) => {
        const cell = cellOf(bins, value);
        expect(cell).toBeGreaterThanOrEqual(0);
        expect(cell).toBeLessThan(cellCount(bins));
      }),
    );
  });

  it('add up: the counts of two parts are those of the whole', () => {
    const values = fc.array(anyValue, { maxLength: 50 });
    fc.assert(
      fc.property(anyBins, values, values, (bins, a, b) => {
        expect(mergeCounts(countOn(bins, a), countOn(bins, b))).toEqual(countOn(bins, [...a, ...b]));
      }),
    );
  });

  it('of other bins do not add up', () => {
    expect(() => mergeCounts([1, 2], [1])).toThrow(/not on the same bins/);
  });

  it('are ranges with their upper edge, around them under, over, unseen and missing', () => {
    const bins = quantileBins([0, 1, 1, 3]);
    expect(bins.edges).toEqual([0, 1, 3]);
    expect([-1, 0, 1, 1.5, 3, 4, null, Number.NaN].map((value) => cellOf(bins, value))).toEqual([
      0, 1, 1, 2, 2, 3, 5, 5,
    ]);
    const labels = ['below 0', '0 to 1', '1 to 3', 'above 3', 'values the baseline never had', 'missing'];
    expect(labels.map((_, cell) => cellLabel(bins, cell))).toEqual(labels);
  });

  it('are values where there are few, others between them unseen', () => {
    const bins = valueBins([3, 1, 3]);
    expect([0, 1, 2, 3, 4, null].map((value) => cellOf(bins, value))).toEqual([0, 1, 4, 2, 3, 5]);
    expect(cellLabel(bins, 2)).toBe('3');
  });

  it('lie where their rows do, as far as that is known', () => {
    expect(cellPositions(quantileBins([0, 1, 3]), -2, 3)).toEqual([-1, 0.5, 2, 3]);
    expect(cellPositions(quantileBins([0, 1, 3], [0, 0.1, 1.2]), 0, 5)).toEqual([0, 0.05, 1.2, 4]);
    expect(cellPositions(valueBins([1, 2]), 1, 2)).toEqual([1, 1, 2, 2]);
    expect(cellPositions(valueBins([]), 0, 0)).toEqual([]);
  });
});
