import { describe, expect, it } from 'vitest';
import { type Figure, limitOf, meetsTarget, percentile } from '../../../scripts/bench/figures.ts';
import { type BenchReport, quantity, renderReport } from '../../../scripts/bench/report.ts';

function figure(parts: Partial<Figure>): Figure {
  return { name: 'refresh', value: 1, unit: 's', samples: [1], note: 'measured', ...parts };
}

function report(parts: Partial<BenchReport>): BenchReport {
  const machine = {
    cpu: 'A processor',
    cores: 2,
    memoryGb: 8,
    platform: 'linux x64',
    node: '20.20.0',
    loadBefore: 0.1,
  };
  return {
    ...{ schema: 1, startedAt: '2026-11-25T00:00:00.000Z', seconds: 10, commit: 'abc', machine },
    ...{ figures: [], failures: [], ...parts },
  };
}

describe('percentile', () => {
  // The example of the nearest rank at https://en.wikipedia.org/wiki/Percentile
  it.each([
    [5, 15],
    [30, 20],
    [40, 20],
    [50, 35],
    [100, 50],
  ])('the %ith of 15, 20, 35, 40, 50 is %i', (percent, expected) => {
    expect(percentile([40, 15, 50, 35, 20], percent)).toBe(expected);
  });

  it('refuses to speak of no values', () => {
    expect(() => percentile([], 50)).toThrow(RangeError);
  });
});

describe('a bench report', () => {
  it('says whether a target is met, in both directions', () => {
    expect(meetsTarget({ value: 1.5, target: { atMost: 1.5 } })).toBe(true);
    expect(meetsTarget({ value: 1.6, target: { atMost: 1.5 } })).toBe(false);
    expect(meetsTarget({ value: 0.7, target: { atLeast: 0.72 } })).toBe(false);
    expect(meetsTarget({ value: 1 })).toBeUndefined();
  });

  it('shows a figure with its target and its distance from the limit', () => {
    const shown = renderReport(
      report({ figures: [figure({ value: 36, target: { atMost: 30 }, limit: limitOf(36, 'DuckDB alone', 30) })] }),
    );
    expect(shown).toContain('| refresh | 36.0 s');
    expect(shown).toContain('≤ 30 s');
    expect(shown).toContain('**no**');
    expect(shown).toContain('1.20 × DuckDB alone (30.0 s)');
    expect(shown).toContain('- **refresh**: measured');
  });

  it('says when the machine was busy, and what could not be measured', () => {
    const calm = report({});
    const busy = report({
      machine: { ...calm.machine, loadBefore: 6 },
      failures: [{ bench: 'scoring', error: 'no disk left' }],
    });
    expect(renderReport(calm)).not.toContain('busy');
    expect(renderReport(busy)).toContain('the machine was busy');
    expect(renderReport(busy)).toContain('**scoring could not be measured**: no disk left');
  });

  it('gives as many digits as a person can use', () => {
    expect(quantity(123456.7, 'rows/s')).toBe('123,457 rows/s');
    expect(quantity(12.34, 's')).toBe('12.3 s');
    expect(quantity(1.234, '')).toBe('1.23');
    expect(quantity(0.74712, '')).toBe('0.747');
  });
});
