/** When a waiting gate does something of its own accord. Pure: the instants are milliseconds since 1970. */
export interface GateTimes {
  readonly openedAt: number;
  /** When it expires. */
  readonly deadline: number;
  /** Absent: nobody is reminded. */
  readonly remindEveryMs?: number | undefined;
  /** Absent, or done: nobody else is asked. */
  readonly escalateAfterMs?: number | undefined;
  /** Number of the last reminder; 0 before the first. */
  readonly reminded: number;
}

/** What a gate does next, and when; a reminder with its number, which counts periods since the gate opened. */
export type GateEvent =
  | { readonly what: 'expire'; readonly at: number }
  | { readonly what: 'escalate'; readonly at: number }
  | { readonly what: 'remind'; readonly at: number; readonly number: number };

/** A gate that waits for weeks and reminds by the minute would fill its history: after so many periods it is silent. */
export const MOST_REMINDERS = 500;

/**
 * What a gate does next. Reminders that fell due while nobody was there to send them are one, the latest. At one
 * instant it is expiry before escalation before a reminder.
 */
export function nextGateEvent(times: GateTimes, now: number): GateEvent {
  const { openedAt, deadline, remindEveryMs, escalateAfterMs, reminded } = times;
  const events: GateEvent[] = [{ what: 'expire', at: deadline }];
  if (escalateAfterMs !== undefined) events.push({ what: 'escalate', at: openedAt + escalateAfterMs });
  if (remindEveryMs !== undefined) {
    const number = Math.max(reminded + 1, Math.floor((now - openedAt) / remindEveryMs));
    if (number <= MOST_REMINDERS) events.push({ what: 'remind', number, at: openedAt + number * remindEveryMs });
  }
  return events.filter((event) => event.what === 'expire' || event.at < deadline).reduce(sooner);
}

function sooner(first: GateEvent, second: GateEvent): GateEvent {
  return second.at < first.at ? second : first;
}
