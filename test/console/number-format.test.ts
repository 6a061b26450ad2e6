import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatInstant,
  formatMetric,
  formatPercent,
  formatSigned,
} from '../../console/number-format.ts';

describe('numbers for people', () => {
  it.each([
    [formatCount(1_962_318), '1,962,318'],
    [formatCount(12), '12'],
    [formatMetric(0.74414), '0.7441'],
    [formatMetric(-0.00001), '0.0000'],
    [formatMetric(NaN), '–'],
    [formatSigned(0.0143), '+0.0143'],
    [formatSigned(-0.0012), '−0.0012'],
    [formatSigned(0.00001), '0.0000'],
    [formatSigned(-0.00001), '0.0000'],
    [formatPercent(0.1658), '16.6\u00a0%'],
    [formatPercent(0 / 0), '–'],
    [formatInstant('2001-05-01T00:00:00.000Z'), '2001-05-01'],
    [formatInstant('2001-05-01T13:45:00.000Z'), '2001-05-01 13:45 UTC'],
    [formatInstant('soon'), 'soon'],
    [formatBytes(912), '912 B'],
    [formatBytes(4_128), '4.1 kB'],
    [formatBytes(48_113_920), '48 MB'],
  ])('%s', (found, expected) => expect(found).toBe(expected));
});
