import type { FreezeWindow } from './schemas/freeze-window.ts';

/** A time in which nothing is promoted, as it stands at some instant. */
export interface Freeze {
  /** ISO instant at which it ends. */
  readonly until: string;
  /** Why, of every window that it is made of, in their order of coming. */
  readonly reasons: readonly string[];
}

export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

const DAY_MS = 86_400_000;
// Where every day of the week is frozen, there is no end to find: look again then.
const FARTHEST_MS = 366 * DAY_MS;

/**
 * Until when nothing is promoted, seen at an instant; undefined when something may be. Windows that overlap or touch
 * are one freeze. A window holds from its beginning up to, but not including, its end; days are days in UTC.
 */
export function frozenUntil(windows: readonly FreezeWindow[], instant: Date): Freeze | undefined {
  const start = instant.getTime();
  const reasons = new Set<string>();
  let end = start;
  while (end - start <= FARTHEST_MS) {
    const at = end;
    const holding = windows.filter((window) => holds(window, at));
    if (holding.length === 0) break;
    for (const { reason } of holding) reasons.add(reason);
    end = Math.max(...holding.map((window) => endOf(window, at)));
  }
  return end === start ? undefined : { until: new Date(end).toISOString(), reasons: [...reasons] };
}

function holds(window: FreezeWindow, at: number): boolean {
  if ('from' in window) return Date.parse(window.from) <= at && at < Date.parse(window.until);
  return window.days.some((day) => WEEKDAYS.indexOf(day) === new Date(at).getUTCDay());
}

/** Of a window that holds: a day's end is the next midnight, and whether that day is frozen too is seen then. */
function endOf(window: FreezeWindow, at: number): number {
  return 'from' in window ? Date.parse(window.until) : (Math.floor(at / DAY_MS) + 1) * DAY_MS;
}
