import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chiSquaredQuantile, chiSquaredUpperTail, tFactor, tQuantile } from '../../learning/statistics.ts';
import { benjaminiHochberg } from '../../learning/statistics-multiplicity.ts';

describe('distributions', () => {
  it('gives the quantiles of printed tables', () => {
    expect(tQuantile(0.975, 9)).toBeCloseTo(2.262157, 6);
    expect(tFactor(0.95, 1)).toBeCloseTo(12.706205, 5);
    expect(tFactor(0.99, 13)).toBeCloseTo(3.012276, 6);
    expect(chiSquaredQuantile(0.95, 5)).toBeCloseTo(11.070498, 6);
  });

  it('gives the p-values of published chi-squared tests', () => {
    expect(chiSquaredUpperTail(2.025, 1)).toBeCloseTo(0.154729, 6);
    expect(chiSquaredUpperTail(3.174603, 5)).toBeCloseTo(0.673088, 6);
    expect(chiSquaredUpperTail(1.622409, 5)).toBeCloseTo(0.898526, 6);
    expect(chiSquaredUpperTail(9, 1)).toBeCloseTo(0.0027, 4);
    expect(chiSquaredUpperTail(3, 0)).toBe(1);
  });

  it('gives the published 99 % cut-offs of the PSI null law, (1/n + 1/m) * chi-squared(B - 1)', () => {
    expect((2 / 1000) * chiSquaredQuantile(0.99, 9)).toBeCloseTo(0.0433, 4);
    expect((2 / 100) * chiSquaredQuantile(0.99, 9)).toBeCloseTo(0.433, 3);
  });
});

describe('benjaminiHochberg', () => {
  it('reproduces the published example', () => {
    const adjusted = benjaminiHochberg([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]);
    const expected = [0.008, 0.032, 0.0672, 0.0672, 0.0672, 0.08, 0.084571, 0.205];
    expected.forEach((p, index) => expect(adjusted[index]).toBeCloseTo(p, 6));
  });

  it('leaves out tests that could not be made', () => {
    expect(benjaminiHochberg([0.04, Number.NaN, 0.01])).toEqual([0.04, Number.NaN, 0.02]);
    expect(benjaminiHochberg([])).toEqual([]);
  });

  it('never lowers a p-value, keeps their order and depends on nobody’s position', () => {
    const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(pValues, (values) => {
        const adjusted = benjaminiHochberg(values);
        values.forEach((p, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p);
          expect(adjusted[i]).toBeLessThanOrEqual(1);
          values.forEach((q, j) => p <= q && expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j] ?? Number.NaN));
        });
        expect(benjaminiHochberg([...values].reverse()).reverse()).toEqual(adjusted);
      }),
    );
  });
});
