import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationMs, shiftInstant } from '../../contracts/durations.ts';
import { duration } from '../../contracts/schemas/primitives.ts';

describe('durationMs', () => {
  it.each([
    ['1s', 1_000],
    ['90m', 5_400_000],
    ['48h', 172_800_000],
    ['14d', 1_209_600_000],
  ])('%s is %i ms', (text, expected) => {
    expect(durationMs(text)).toBe(expected);
  });

  it.each(['', '14', 'd', '0d', '01d', '1.5h', '-1d', '1w', '14 d', '14D', '1234567s', '14d\n'])(
    'refuses %j',
    (text) => {
      expect(() => durationMs(text)).toThrow(RangeError);
      expect(duration.safeParse(text).success).toBe(false);
    },
  );

  it('takes exactly what the schema takes', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^\d{0,7}[smhdw]?$/));
    fc.assert(
      fc.property(texts, (text) => {
        let taken = true;
        try {
          expect(durationMs(text)).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          taken = false;
        }
        expect(duration.safeParse(text).success).toBe(taken);
      }),
    );
  });
});

describe('shiftInstant', () => {
  it('moves over months and leap days, in UTC', () => {
    expect(shiftInstant('2001-05-01T00:00:00Z', -durationMs('1d'))).toBe('2001-04-30T00:00:00.000Z');
    expect(shiftInstant('2000-02-28T12:00:00.000Z', durationMs('1d'))).toBe('2000-02-29T12:00:00.000Z');
  });

  it('comes back', () => {
    const instants = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(instants, fc.integer({ min: -1e9, max: 1e9 }), (date, ms) => {
        expect(shiftInstant(shiftInstant(date.toISOString(), ms), -ms)).toBe(date.toISOString());
      }),
    );
  });
});
