import { describe, expect, it } from 'vitest';
import { kolmogorovSurvival } from '../../monitoring/kolmogorov.ts';

describe('kolmogorovSurvival', () => {
  it('is n! (2d - 1/n)^n below for 1/(2n) <= d <= 1/n, exactly', () => {
    expect(kolmogorovSurvival(5, 0.2)).toBeCloseTo(1 - 120 * 0.2 ** 5, 12);
    expect(kolmogorovSurvival(3, 0.25)).toBeCloseTo(1 - 6 * (0.5 - 1 / 3) ** 3, 12);
  });

  it('is 2 (1 - d)^n for d close to 1, exactly, also where the tail formula stands in', () => {
    expect(kolmogorovSurvival(4, 0.9)).toBeCloseTo(2 * 0.1 ** 4, 12);
    expect(kolmogorovSurvival(10, 0.8)).toBeCloseTo(2 * 0.2 ** 10, 7);
  });

  it('gives 5 % at the textbook critical values', () => {
    // Miller (1956): D_10 = .40925, D_20 = .29408; the limit 1.3581 / sqrt(n) for large n.
    expect(kolmogorovSurvival(10, 0.40925)).toBeCloseTo(0.05, 4);
    expect(kolmogorovSurvival(20, 0.29408)).toBeCloseTo(0.05, 4);
    expect(kolmogorovSurvival(1_000_000, 1.3581 / 1000)).toBeCloseTo(0.05, 3);
  });

  it('goes over from exact to limit without a step', () => {
    for (const x of [0.5, 0.8, 1, 1.3, 1.7]) {
      const exact = kolmogorovSurvival(140, x / Math.sqrt(140));
      const limit = kolmogorovSurvival(141, x / Math.sqrt(141));
      expect(Math.abs(exact - limit)).toBeLessThan(5e-4);
    }
  });

  it('falls with d, from 1 to 0', () => {
    for (const n of [1, 7, 100, 5000]) {
      const values = Array.from({ length: 50 }, (_, i) => kolmogorovSurvival(n, i / 49));
      expect(values[0]).toBe(1);
      expect(values.at(-1)).toBe(0);
      for (const [i, value] of values.entries()) expect(value).toBeLessThanOrEqual((values[i - 1] ?? 1) + 1e-9);
    }
  });
});
