import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GateTimes, MOST_REMINDERS, nextGateEvent } from '../../contracts/gate-clock.ts';

const TIMES = { openedAt: 1_000, deadline: 11_000, remindEveryMs: 3_000, escalateAfterMs: 5_000, reminded: 0 };

/** Everything a gate does by itself when it is looked after all the time. */
function lifeOf(times: GateTimes, reached: (at: number) => number = (at) => at): string[] {
  let state = times;
  let now = times.openedAt;
  const life: string[] = [];
  for (;;) {
    const event = nextGateEvent(state, now);
    now = Math.max(now, reached(event.at));
    life.push(`${event.what}${event.what === 'remind' ? ` ${event.number}` : ''} at ${event.at}`);
    if (event.what === 'expire') return life;
    state = event.what === 'remind' ? { ...state, reminded: event.number } : { ...state, escalateAfterMs: undefined };
  }
}

describe('nextGateEvent', () => {
  it('reminds by the period, asks the second role once, and expires', () => {
    expect(lifeOf(TIMES)).toEqual([
      'remind 1 at 4000',
      'escalate at 6000',
      'remind 2 at 7000',
      'remind 3 at 10000',
      'expire at 11000',
    ]);
  });

  it('only expires where the policy asks for no more', () => {
    expect(lifeOf({ openedAt: 1_000, deadline: 11_000, reminded: 0 })).toEqual(['expire at 11000']);
  });

  it('makes one reminder of those that nobody was there to send', () => {
    expect(nextGateEvent({ ...TIMES, escalateAfterMs: undefined }, 10_500)).toEqual({
      what: 'remind',
      number: 3,
      at: 10_000,
    });
  });

  it('does nothing at the deadline or later but expire', () => {
    const late = { ...TIMES, escalateAfterMs: 10_000, remindEveryMs: 10_000 };
    expect(lifeOf(late)).toEqual(['expire at 11000']);
  });

  it('falls silent after many reminders', () => {
    const restless = lifeOf({ openedAt: 0, deadline: 1_000_000, remindEveryMs: 1, reminded: 0 });
    expect(restless).toHaveLength(MOST_REMINDERS + 1);
  });

  it('never repeats a number, never goes back in time, whenever it is looked at', () => {
    const late = fc.array(fc.nat(20_000), { minLength: 600, maxLength: 600 });
    fc.assert(
      fc.property(
        fc.record({
          openedAt: fc.nat(5_000),
          life: fc.integer({ min: 1, max: 50_000 }),
          remindEveryMs: fc.option(fc.integer({ min: 50, max: 20_000 }), { nil: undefined }),
          escalateAfterMs: fc.option(fc.nat(60_000), { nil: undefined }),
        }),
        late,
        ({ openedAt, life, ...rest }, delays) => {
          const times = { ...rest, openedAt, deadline: openedAt + life, reminded: 0 };
          let looks = 0;
          const events = lifeOf(times, (at) => at + (delays[looks++ % delays.length] ?? 0));
          const numbers = events.flatMap((event) => /^remind (\d+)/.exec(event)?.[1] ?? []).map(Number);
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          expect(events.filter((event) => event.startsWith('escalate')).length).toBeLessThanOrEqual(1);
          expect(events.at(-1)).toBe(`expire at ${times.deadline}`);
        },
      ),
      { numRuns: 200 },
    );
  });
});
