import { durationMs, shiftInstant } from '../../contracts/durations.ts';

/** A week of the time-lapse: its window, and the instant at which it is looked at. */
export interface Week {
  readonly from: string;
  readonly until: string;
  /** Half a day after the window: the last flights have landed, so their labels are known. */
  readonly asOf: string;
}

const WEEK_MS = durationMs('7d');
const HALF_A_DAY_MS = durationMs('12h');

/** The weeks from one instant to another, none left out; the last one is as short as what remains. */
export function weeksBetween(from: string, until: string): Week[] {
  const weeks: Week[] = [];
  for (let start = new Date(from).toISOString(); start < until;) {
    const full = shiftInstant(start, WEEK_MS);
    const end = full < until ? full : new Date(until).toISOString();
    weeks.push({ from: start, until: end, asOf: shiftInstant(end, HALF_A_DAY_MS) });
    start = end;
  }
  return weeks;
}
