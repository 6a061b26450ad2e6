import { describe, expect, it } from 'vitest';
import { benjaminiHochberg } from '../../learning/statistics-multiplicity.ts';
import { cellCount, cellOf, quantileBins, type Bins } from '../../monitoring/binning.ts';
import { measureDrift } from '../../monitoring/column-drift.ts';
import type { ColumnProfile } from '../../monitoring/column-profile.ts';

const POLICY = { psi_at_least: 0.25, alpha: 0.05 };

/** A generator of uniform numbers, the same on each run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function profileOf(column: string, bins: Bins, values: readonly (number | null)[]): ColumnProfile {
  const counts = new Array<number>(cellCount(bins)).fill(0);
  for (const value of values) counts[cellOf(bins, value)] = (counts[cellOf(bins, value)] ?? 0) + 1;
  const present = values.filter((value) => value !== null);
  const [min, max] = [
    present.reduce((a, b) => Math.min(a, b), Infinity),
    present.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  const nulls = values.length - present.length;
  const shape = { column, bins, counts, count: present.length, nulls, nans: 0, zeros: 0, distinct: present.length };
  return { ...shape, avg: null, stddev: null, min, max };
}

/** A column's baseline and window as a multinomial draw over uniform bins: what a sample of any distribution gives. */
function drawnColumn(column: string, bins: number, rows: { reference: number; current: number }, random: () => number) {
  const uniform = quantileBins(Array.from({ length: bins + 1 }, (_, i) => i));
  const draw = (n: number): ColumnProfile => {
    const counts = new Array<number>(bins + 4).fill(0);
    for (let i = 0; i < n; i += 1) {
      const cell = 1 + Math.floor(random() * bins);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    const shape = { column, bins: uniform, counts, count: n, nulls: 0, nans: 0, zeros: 0, distinct: n };
    return { ...shape, avg: null, stddev: null, min: 0, max: bins };
  };
  return { reference: draw(rows.reference), current: draw(rows.current) };
}

describe('Benjamini-Hochberg', () => {
  it('G12: adjusts as the golden case says', () => {
    const adjusted = benjaminiHochberg([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]);
    const expected = [0.008, 0.032, 0.0672, 0.0672, 0.0672, 0.08, 0.084571, 0.205];
    for (const [i, p] of adjusted.entries()) expect(p).toBeCloseTo(expected[i] ?? Number.NaN, 6);
  });
});

describe('measureDrift', () => {
  // One window = 8 columns x 50 bins, both sides drawn from the same distribution.
  it.each([
    { current: 500, reference: 2000, windows: 150 },
    { current: 500, reference: 50_000, windows: 50 },
    { current: 5000, reference: 20_000, windows: 40 },
    { current: 20_000, reference: 20_000, windows: 20 },
  ])(
    'does not cry wolf on $current rows against $reference',
    ({ current, reference, windows }) => {
      const random = randomFrom(current + reference);
      let alarms = 0;
      let significant = 0;
      for (let window = 0; window < windows; window += 1) {
        const columns = Array.from({ length: 8 }, (_, i) => drawnColumn(`c${i}`, 50, { reference, current }, random));
        const drift = measureDrift(
          columns.map((column) => column.reference),
          columns.map((column) => column.current),
          POLICY,
        );
        if (drift.some(({ drifted }) => drifted)) alarms += 1;
        if (drift.some(({ adjustedP }) => adjustedP <= POLICY.alpha)) significant += 1;
      }
      // The significance key alone keeps its nominal 5 % of windows (plus two standard errors); with the effect, hardly one
      // is left, at the smallest sizes.
      expect(significant / windows).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / windows));
      expect(alarms / windows).toBeLessThanOrEqual(0.01);
    },
    60_000,
  );

  it('sees half a standard deviation in 1000 rows, and knows what it could not have seen', () => {
    const random = randomFrom(7);
    const reference = Array.from({ length: 50_000 }, () => normal(random));
    const sorted = [...reference].sort((a, b) => a - b);
    const hundredths = Array.from({ length: 101 }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / 100)] ?? 0);
    const [edges, inner] = [0, 1].map((odd) => hundredths.filter((_, i) => i % 2 === odd));
    const bins = quantileBins(edges ?? [], inner);
    const window = (shift: number): ColumnProfile[] => [
      profileOf(
        'x',
        bins,
        Array.from({ length: 1000 }, () => normal(random) + shift),
      ),
    ];
    const baseline = [profileOf('x', bins, reference)];
    const [shifted] = measureDrift(baseline, window(0.5), POLICY);
    const [same] = measureDrift(baseline, window(0), POLICY);
    // The symmetric divergence of two normals half a deviation apart is .25; chance adds (1/n + 1/m) (B - 1) = .05.
    expect(shifted?.psi).toBeGreaterThan(0.25);
    expect(shifted?.psi).toBeLessThan(0.4);
    expect(shifted?.adjustedP).toBeLessThan(1e-12);
    expect(shifted?.drifted).toBe(true);
    expect(shifted?.wasserstein).toBeCloseTo(0.5, 1);
    expect(same?.drifted).toBe(false);
    expect(same?.psi).toBeLessThan(same?.smallestDetectablePsi ?? 0);
    expect(same?.smallestDetectablePsi).toBeCloseTo((1 / 1000 + 1 / 50_000) * 74.92, 2);
  });

  it('needs both keys: a tiny shift in many rows is significant and no drift', () => {
    const bins = quantileBins([0, 1, 2]);
    const counted = (counts: number[]): ColumnProfile[] => {
      const total = counts.reduce((sum, count) => sum + count, 0);
      const shape = { column: 'x', bins, counts, count: total, nulls: 0, nans: 0, zeros: 0, distinct: 2 };
      return [{ ...shape, avg: null, stddev: null, min: 0, max: 2 }];
    };
    const tiny = measureDrift(
      counted([0, 500_000, 500_000, 0, 0, 0]),
      counted([0, 510_000, 490_000, 0, 0, 0]),
      POLICY,
    )[0];
    expect(tiny?.adjustedP).toBeLessThan(1e-30);
    expect(tiny?.drifted).toBe(false);
    const few = measureDrift(counted([0, 4, 4, 0, 0, 0]), counted([0, 2, 6, 0, 0, 0]), POLICY)[0];
    expect(few?.psi).toBeGreaterThan(0.25);
    expect(few?.drifted).toBe(false);
  });

  it('counts rows that lost their value as drift, without an order to them', () => {
    const bins = quantileBins([0, 1, 2]);
    const values = Array.from({ length: 1000 }, (_, i) => (i % 200) / 100);
    const [gone] = measureDrift(
      [profileOf('x', bins, values)],
      [
        profileOf(
          'x',
          bins,
          values.map(() => null),
        ),
      ],
      POLICY,
    );
    expect(gone).toMatchObject({ drifted: true, ks: null, wasserstein: null, totalVariation: 1, js: 1 });
    expect(gone?.mostMoved).toBe('missing: 0.0 % to 100.0 %');
  });

  it('finds nothing in a column that never had a value', () => {
    const empty = [profileOf('x', { kind: 'values', edges: [] }, new Array<null>(600).fill(null))];
    const [drift] = measureDrift(empty, empty, POLICY);
    expect(drift).toMatchObject({ psi: 0, js: 0, adjustedP: 1, drifted: false, smallestDetectablePsi: 0 });
  });

  it('refuses windows with other columns than the baseline', () => {
    const one = [profileOf('x', quantileBins([0, 1]), [0.5])];
    const other = [profileOf('y', quantileBins([0, 1]), [0.5])];
    expect(() => measureDrift(one, other, POLICY)).toThrow(/has y where the baseline has x/);
  });
});
