import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frozenUntil, WEEKDAYS } from '../../contracts/freeze.ts';
import { freezeWindow, type FreezeWindow } from '../../contracts/schemas/freeze-window.ts';

const WEEKEND: FreezeWindow = { days: ['saturday', 'sunday'], reason: 'nobody is on call' };
const until = (windows: readonly FreezeWindow[], instant: string) => frozenUntil(windows, new Date(instant));

describe('frozenUntil', () => {
  // 25 November 2026 is a Wednesday.
  it.each([
    ['2026-11-27T23:59:59.999Z', undefined],
    ['2026-11-28T00:00:00Z', '2026-11-30T00:00:00.000Z'],
    ['2026-11-29T23:59:59.999Z', '2026-11-30T00:00:00.000Z'],
    ['2026-11-30T00:00:00Z', undefined],
    // Friday evening in New York is Saturday in UTC.
    ['2026-11-27T20:00:00-05:00', '2026-11-30T00:00:00.000Z'],
  ])('takes days in UTC: %s', (instant, end) => {
    expect(until([WEEKEND], instant)?.until).toBe(end);
  });

  it('joins what overlaps and what touches, and says every reason in order', () => {
    const stocktaking = { from: '2026-11-30T00:00:00Z', until: '2026-12-01T12:00:00Z', reason: 'stocktaking' };
    const audit = { from: '2026-12-01T11:00:00+01:00', until: '2026-12-02T00:00:00Z', reason: 'audit' };
    const later = { from: '2026-12-02T00:00:01Z', until: '2026-12-03T00:00:00Z', reason: 'a second too late' };
    expect(until([audit, later, stocktaking, WEEKEND], '2026-11-28T08:00:00Z')).toEqual({
      until: '2026-12-02T00:00:00.000Z',
      reasons: ['nobody is on call', 'stocktaking', 'audit'],
    });
  });

  it('ends its search where every day is frozen', () => {
    const always = frozenUntil(
      [WEEKEND, { days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], reason: 'the rest' }],
      new Date('2026-11-25T00:00:00Z'),
    );
    expect(Date.parse(always?.until ?? '')).toBeGreaterThan(Date.parse('2027-11-25T00:00:00Z'));
  });

  const HOUR = 3_600_000;
  const BASE = Date.parse('2026-11-23T00:00:00Z');
  const at = (hour: number): Date => new Date(BASE + hour * HOUR);
  const windows = fc.array(
    fc.oneof(
      fc.record({
        days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1, maxLength: 4 }),
        reason: fc.constant('a day'),
      }),
      fc.record({ first: fc.nat(400), hours: fc.integer({ min: 1, max: 60 }) }).map(({ first, hours }) => ({
        from: at(first).toISOString(),
        until: at(first + hours).toISOString(),
        reason: 'once',
      })),
    ),
    { maxLength: 4 },
  );

  /** Hour by hour, as a person would look in a calendar. */
  function isFrozen(given: readonly FreezeWindow[], hour: number): boolean {
    const iso = at(hour).toISOString();
    const day = at(hour).toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' }).toLowerCase();
    return given.some((w) => ('days' in w ? w.days.some((d) => d === day) : w.from <= iso && iso < w.until));
  }

  it('ends at the first instant at which no window holds', () => {
    fc.assert(
      fc.property(windows, fc.nat(400), (given, hour) => {
        expect(given.every((window) => freezeWindow.safeParse(window).success)).toBe(true);
        let free = hour;
        while (isFrozen(given, free) && free < hour + 24 * 300) free++;
        fc.pre(free < hour + 24 * 300);
        const found = frozenUntil(given, at(hour));
        expect(found?.until).toBe(free === hour ? undefined : at(free).toISOString());
      }),
      { numRuns: 500 },
    );
  });

  it('says at any instant of a freeze that it ends when it said so at its beginning', () => {
    fc.assert(
      fc.property(windows, fc.nat(400), fc.double({ min: 0, max: 1, noNaN: true }), (given, hour, share) => {
        const begun = frozenUntil(given, at(hour));
        if (begun === undefined) return;
        const end = Date.parse(begun.until);
        const within = new Date(Math.min(end - 1, Math.floor(at(hour).getTime() + share * (end - at(hour).getTime()))));
        // Beyond a year the search ends somewhere.
        fc.pre(end - at(hour).getTime() < 300 * 24 * HOUR);
        expect(frozenUntil(given, within)?.until).toBe(begun.until);
        expect(frozenUntil(given, new Date(end))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});
