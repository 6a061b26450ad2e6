import type { WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** Milliseconds, from the server's own clock in the histories. */
export interface PromotionTimes {
  /** Activity scheduled to started, every activity. */
  readonly stepMs: readonly number[];
  /** Approval signal to the next activity started. */
  readonly approvalMs: readonly number[];
}

/** Reads the engine's own times out of histories of promotions that a signal approved. */
export function readPromotionTimes(histories: readonly History[]): PromotionTimes {
  return {
    stepMs: histories.flatMap(({ events }) => stepTimes(events ?? [])),
    approvalMs: histories.map(({ events }) => approvalTime(events ?? [])),
  };
}

function stepTimes(events: readonly HistoryEvent[]): number[] {
  const byId = new Map(events.map((event) => [String(event.eventId), event]));
  return events.flatMap((event) => {
    const scheduled = byId.get(String(event.activityTaskStartedEventAttributes?.scheduledEventId));
    return scheduled === undefined ? [] : [milliseconds(event) - milliseconds(scheduled)];
  });
}

function approvalTime(events: readonly HistoryEvent[]): number {
  const signal = events.findIndex((event) => Boolean(event.workflowExecutionSignaledEventAttributes));
  const next = events.slice(signal).find((event) => Boolean(event.activityTaskStartedEventAttributes));
  const signaled = events[signal];
  if (signaled === undefined || next === undefined) throw new Error('a history without an approval was measured');
  return milliseconds(next) - milliseconds(signaled);
}

function milliseconds({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6;
}
