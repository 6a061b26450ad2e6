import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeCounts } from '../../monitoring/binning.ts';
import {
  chiSquaredTwoSample,
  hellinger,
  jsDistance,
  klDivergence,
  ksOnBins,
  lInfinity,
  poolSparseCells,
  psi,
  psiTerms,
  smallestDetectablePsi,
  totalVariation,
  wasserstein,
} from '../../monitoring/drift-metrics.ts';

/** Points of a sample with weight one each. */
const points = (positions: readonly number[]) => ({ positions, weights: positions.map(() => 1) });

/** Counts of two samples with a cell for each value that occurs, so that binned distances are exact. */
function onOwnValues(a: readonly number[], b: readonly number[]): [number[], number[]] {
  const values = [...new Set([...a, ...b])].sort((x, y) => x - y);
  const count = (sample: readonly number[]): number[] =>
    values.map((value) => sample.filter((one) => one === value).length);
  return [count(a), count(b)];
}

// Computed with scipy 1.17.1, or published by the tools that the cases come from (Evidently, Deepchecks, Great Expectations).
describe('golden values', () => {
  it('G1: distances of two distributions', () => {
    const [p, q] = [
      [10, 20, 30, 40],
      [20, 20, 20, 40],
    ];
    expect(psi(p, q)).toBeCloseTo(0.109861229, 9);
    expect(jsDistance(p, q, 'natural')).toBeCloseTo(0.1163135, 9);
    expect(jsDistance(p, q)).toBeCloseTo(0.139706751, 9);
    expect(klDivergence(p, q)).toBeCloseTo(0.052324814, 9);
    expect(hellinger(p, q)).toBeCloseTo(0.116746175, 9);
    expect(totalVariation(p, q)).toBeCloseTo(0.1, 12);
    expect(lInfinity(p, q)).toBeCloseTo(0.1, 12);
  });

  it('G2: the two-sample chi-squared test, not goodness of fit (3.174603)', () => {
    const reference = [16, 18, 16, 14, 12, 12];
    const current = [16, 16, 16, 16, 16, 8];
    const test = chiSquaredTwoSample(reference, current);
    expect(test.statistic).toBeCloseTo(1.622409, 6);
    expect(test.df).toBe(5);
    expect(test.pvalue).toBeCloseTo(0.898526, 6);
    expect(hellinger(reference, current)).toBeCloseTo(0.06812774, 8);
    expect(psi(reference, current)).toBeCloseTo(0.037218382, 9);
    expect(jsDistance(reference, current, 'natural')).toBeCloseTo(0.068048196, 9);
  });

  it('G3: Wasserstein distances, weighted ones too', () => {
    expect(wasserstein(points([0, 1, 3]), points([5, 6, 8]))).toBeCloseTo(5, 12);
    expect(wasserstein({ positions: [0, 1], weights: [3, 1] }, { positions: [0, 1], weights: [2, 2] })).toBe(0.25);
    const weighted = wasserstein(
      { positions: [3.4, 3.9, 7.5, 7.8], weights: [1.4, 0.9, 3.1, 7.2] },
      { positions: [4.5, 1.4], weights: [3.2, 3.5] },
    );
    expect(weighted).toBeCloseTo(4.078133143804786, 12);
  });

  it('G4: KS and Wasserstein of two small samples', () => {
    const r = [38.7, 41.5, 43.8, 44.5, 45.5, 46, 47.7, 58];
    const s = [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8];
    expect(ksOnBins(...onOwnValues(r, s)).statistic).toBeCloseTo(0.625, 12);
    expect(wasserstein(points(r), points(s))).toBeCloseTo(4.1625, 12);
  });

  it('G5: asymptotic p of the two-sample KS test', () => {
    const from = (first: number): number[] => Array.from({ length: 10 }, (_, i) => first + i);
    const test = ksOnBins(...onOwnValues(from(1), from(3)));
    expect(test.statistic).toBeCloseTo(0.2, 12);
    expect(test.pvalue).toBeCloseTo(0.9616, 4);
  });

  it('G6: PSI and JS with empty cells, on nine equal bins over both samples', () => {
    const reference = [13, 13, 12, 13, 13, 12, 13, 11, 0];
    const current = [0, 11, 12, 13, 13, 12, 13, 13, 13];
    expect(psi(reference, current)).toBeCloseTo(1.869479, 6);
    expect(jsDistance(reference, current, 'natural')).toBeCloseTo(0.301568, 6);
    const tenths = Array.from({ length: 100 }, (_, i) => i / 10);
    const shifted = Array.from({ length: 100 }, (_, i) => (i + 15) / 10);
    expect(ksOnBins(...onOwnValues(tenths, shifted)).statistic).toBeCloseTo(0.15, 12);
  });

  it('G7: without correction the 2 x 2 statistic is the square of z; Cramer V .217123', () => {
    const { statistic } = chiSquaredTwoSample([200, 800], [400, 600]);
    expect(Math.sqrt(statistic)).toBeCloseTo(9.759001, 6);
    const rows = 2000;
    const corrected = Math.max(0, statistic / rows - 1 / (rows - 1));
    const side = 2 - 1 / (rows - 1);
    expect(Math.sqrt(corrected / (side - 1))).toBeCloseTo(0.217123, 6);
  });

  it('G8: Kullback-Leibler divergence against uniform', () => {
    expect(klDivergence([50, 30, 20], [1, 1, 1])).toBeCloseTo(0.06895927460353621, 12);
  });

  it('the null law of the PSI: its 99 % cut-off at B = 10', () => {
    expect(smallestDetectablePsi(100, 100, 10)).toBeCloseTo(0.433, 3);
    expect(smallestDetectablePsi(500, 500, 10)).toBeCloseTo(0.0867, 4);
    expect(smallestDetectablePsi(1000, 1000, 10)).toBeCloseTo(0.0433, 4);
    expect(smallestDetectablePsi(10_000, 10_000, 10)).toBeCloseTo(0.0043, 4);
  });
});

describe('distances of count vectors', () => {
  const pair = fc.integer({ min: 2, max: 30 }).chain((cells) => {
    const counts = fc.array(fc.nat(500), { minLength: cells, maxLength: cells }).filter((c) => c.some((n) => n > 0));
    return fc.tuple(counts, counts);
  });

  it('are symmetric, not negative, and within their bounds', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        for (const distance of [psi, jsDistance, totalVariation, lInfinity, hellinger]) {
          expect(distance(a, b)).toBeGreaterThanOrEqual(0);
          expect(distance(a, b)).toBeCloseTo(distance(b, a), 9);
          expect(distance(a, a)).toBeCloseTo(0, 9);
        }
        for (const bounded of [jsDistance, totalVariation, lInfinity, hellinger]) {
          expect(bounded(a, b)).toBeLessThanOrEqual(1 + 1e-12);
        }
        const ks = ksOnBins(a, b);
        expect(ks.statistic).toBeLessThanOrEqual(totalVariation(a, b) + 1e-12);
        for (const p of [ks.pvalue, chiSquaredTwoSample(a, b).pvalue]) {
          expect(p).toBeGreaterThanOrEqual(0);
          expect(p).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('have PSI terms that are not negative and add up', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const terms = psiTerms(a, b);
        expect(Math.min(...terms)).toBeGreaterThanOrEqual(0);
        expect(terms.reduce((sum, term) => sum + term, 0)).toBeCloseTo(psi(a, b), 12);
      }),
    );
  });

  it('do not care in which order parts were counted together', () => {
    fc.assert(
      fc.property(pair, pair, ([a, b], [c]) => {
        fc.pre(a.length === c.length);
        expect(psi(mergeCounts(a, c), b)).toBe(psi(mergeCounts(c, a), b));
      }),
    );
  });

  it('refuse counts that are not on the same cells', () => {
    expect(() => psi([1, 2], [1, 2, 3])).toThrow(/2 and 3 cells/);
  });
});

describe('poolSparseCells', () => {
  it('keeps all rows, and only cells with enough of them', () => {
    const counts = fc.array(fc.nat(40), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
        const [pooledA, pooledB] = poolSparseCells(a, b);
        expect(total(pooledA)).toBe(total(a));
        expect(total(pooledB)).toBe(total(b));
        const share = Math.min(total(a), total(b)) / (total(a) + total(b));
        const least = Math.min(...pooledA.map((count, cell) => (count + (pooledB[cell] ?? 0)) * share));
        if (pooledA.length > 1) expect(least).toBeGreaterThanOrEqual(5);
      }),
    );
  });

  it('keeps one row beyond the extremes from deciding the test', () => {
    const reference = [0, 500_000, 500_000, 0];
    const current = [1, 250, 249, 0];
    expect(chiSquaredTwoSample(reference, current).pvalue).toBeLessThan(1e-9);
    expect(chiSquaredTwoSample(...poolSparseCells(reference, current)).pvalue).toBeGreaterThan(0.5);
  });
});
