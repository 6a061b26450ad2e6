import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { weeksBetween } from '../../../scripts/demo/weeks.ts';

describe('weeksBetween', () => {
  it('cuts March to June into 17 whole weeks and three days', () => {
    const weeks = weeksBetween('2001-03-01T00:00:00.000Z', '2001-07-01T00:00:00.000Z');
    expect(weeks).toHaveLength(18);
    expect(weeks[0]).toEqual({
      from: '2001-03-01T00:00:00.000Z',
      until: '2001-03-08T00:00:00.000Z',
      asOf: '2001-03-08T12:00:00.000Z',
    });
    expect(weeks.at(-1)).toMatchObject({ from: '2001-06-28T00:00:00.000Z', until: '2001-07-01T00:00:00.000Z' });
  });

  it('leaves no instant out and takes none twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 23 }), (days, hours) => {
        const from = '2001-01-01T00:00:00.000Z';
        const until = new Date(Date.parse(from) + days * 86_400_000 + hours * 3_600_000).toISOString();
        const weeks = weeksBetween(from, until);
        expect(weeks[0]?.from).toBe(from);
        expect(weeks.at(-1)?.until).toBe(until);
        for (const [i, week] of weeks.slice(1).entries()) expect(week.from).toBe(weeks[i]?.until);
      }),
    );
  });
});
