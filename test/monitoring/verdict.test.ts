import { describe, expect, it } from 'vitest';
import { monitorSchema } from '../../contracts/schemas/project.ts';
import type { ColumnDrift } from '../../monitoring/column-drift.ts';
import { judgeWindow, type WindowEvidence } from '../../monitoring/verdict.ts';

const DEFINITION = monitorSchema.parse({ window: '7d' });

function columnDrift(column: string, psi: number, drifted: boolean): ColumnDrift {
  return {
    ...{ column, psi, drifted, smallestDetectablePsi: 0.02, js: 0.2, ks: null, wasserstein: null },
    ...{ totalVariation: 0.2, lInfinity: 0.1, chiSquared: { statistic: 90, df: 49, pvalue: 1e-9 } },
    ...{ adjustedP: 1e-8, mostMoved: '0.3 to 0.5: 2.0 % to 9.0 %' },
  };
}

function evidence(changes: Partial<WindowEvidence> = {}): WindowEvidence {
  return {
    window: { from: '2001-05-01T00:00:00Z', until: '2001-05-08T00:00:00Z' },
    asOf: '2001-05-09T00:00:00Z',
    rows: 20_000,
    coveredDays: 7,
    labelledShare: 0.99,
    quality: { value: 0.7, lower: 0.68, upper: 0.72 },
    baselineQuality: { metric: 'auc', value: 0.71, lower: 0.7, upper: 0.72 },
    drift: [columnDrift('distance', 0.01, false)],
    ...changes,
  };
}

describe('judgeWindow', () => {
  it('is healthy where quality held and nothing drifted', () => {
    const { verdict, reasons } = judgeWindow(evidence(), DEFINITION);
    expect(verdict).toBe('healthy');
    expect(reasons).toEqual([
      'No column drifted.',
      'Quality held: AUC 0.7000 (0.6800 to 0.7200), against 0.7100 on the held-out rows.',
    ]);
  });

  it('is drifted where a column drifted, the furthest named first', () => {
    const drift = [columnDrift('hour', 0.3, true), columnDrift('late_rate', 0.48, true), columnDrift('x', 0.1, false)];
    const { verdict, reasons } = judgeWindow(evidence({ drift }), DEFINITION);
    expect(verdict).toBe('drifted');
    expect(reasons[0]).toBe(
      'late_rate drifted: PSI 0.480 (floor 0.25), adjusted p below 1e-6; most moved 0.3 to 0.5: 2.0 % to 9.0 %.',
    );
    expect(reasons[1]).toMatch(/^hour drifted/);
    expect(reasons).toHaveLength(3);
  });

  it('is degraded only when the upper bound lies more than the tolerance below, drift or not', () => {
    const at = (upper: number) => evidence({ quality: { value: 0.65, lower: 0.6, upper } });
    expect(judgeWindow(at(0.7), DEFINITION).verdict).toBe('healthy');
    expect(judgeWindow(at(0.6999), DEFINITION).verdict).toBe('degraded');
    const both = judgeWindow({ ...at(0.6), drift: [columnDrift('hour', 0.3, true)] }, DEFINITION);
    expect(both.verdict).toBe('degraded');
    expect(both.reasons[0]).toMatch(/^Quality fell: AUC 0.6500/);
    expect(both.reasons[1]).toMatch(/^hour drifted/);
  });

  it.each([
    [
      'too short',
      { window: { from: '2001-05-02T00:00:00Z', until: '2001-05-08T00:00:00Z' } },
      /spans 6 days.*asks for 7d/,
    ],
    ['not over', { asOf: '2001-05-07T00:00:00Z' }, /ends at 2001-05-08.*after 2001-05-07/],
    ['too small', { rows: 499 }, /499 rows; at least 500/],
    ['without rows', { rows: 0, coveredDays: 0, labelledShare: 0, quality: null, drift: [] }, /0 rows; at least 500/],
    ['covered in part', { coveredDays: 6 }, /cover 6 of the 7 days/],
    ['hardly labelled', { labelledShare: 0.8 }, /known for 80.0 % .* at least 90.0 %/],
    ['of one label', { quality: null }, /same label/],
  ])('has insufficient data where the window is %s', (_, changes, reason) => {
    const { verdict, reasons } = judgeWindow(evidence(changes), DEFINITION);
    expect(verdict).toBe('insufficient-data');
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toMatch(reason);
  });

  it.each([
    ['1h', 0, 'insufficient-data'],
    ['1h', 1, 'healthy'],
    ['36h', 1, 'insufficient-data'],
    ['36h', 2, 'healthy'],
  ] as const)('asks a monitor of %s for whole days, one at least: %i', (window, coveredDays, verdict) => {
    const definition = monitorSchema.parse({ window });
    expect(judgeWindow(evidence({ coveredDays }), definition).verdict).toBe(verdict);
  });

  it('tells a partly covered window from a degraded one', () => {
    const partly = evidence({ coveredDays: 2, quality: { value: 0.5, lower: 0.4, upper: 0.55 } });
    expect(judgeWindow(partly, DEFINITION).verdict).toBe('insufficient-data');
  });

  it('says so where one day gives no interval', () => {
    const { verdict, reasons } = judgeWindow(evidence({ quality: { value: 0.5, lower: 0, upper: 1 } }), DEFINITION);
    expect(verdict).toBe('healthy');
    expect(reasons[1]).toMatch(/too few days for an interval/);
  });
});
