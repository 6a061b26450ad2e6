import type { WorkflowHandle } from '@temporalio/client';
import { DATA_QUEUE } from '../../contracts/task-queues.ts';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** Milliseconds, from the server's own clock in the histories. */
export interface PromotionTimes {
  /** Activity scheduled to started, every activity. */
  readonly stepMs: readonly number[];
  /** The same for the activities of another worker: they cannot be handed out with the workflow task's answer. */
  readonly otherQueueMs: readonly number[];
  /** Approval signal to the next activity started. */
  readonly approvalMs: readonly number[];
}

/** Reads the engine's own times out of histories of promotions that a signal approved. */
export function readPromotionTimes(histories: readonly History[]): PromotionTimes {
  const steps = histories.flatMap((history) => activityStarts(history.events ?? []));
  return {
    stepMs: steps.map(({ started, scheduled }) => started - scheduled),
    otherQueueMs: steps
      .filter(({ queue }) => queue === DATA_QUEUE)
      .map(({ started, scheduled }) => started - scheduled),
    approvalMs: histories.map(({ events }) => approvalTime(events ?? [])),
  };
}

interface ActivityStart {
  readonly queue: string;
  readonly scheduled: number;
  readonly started: number;
}

function activityStarts(events: readonly HistoryEvent[]): ActivityStart[] {
  const byId = new Map(events.map((event) => [String(event.eventId), event]));
  return events.flatMap((event) => {
    const scheduledId = event.activityTaskStartedEventAttributes?.scheduledEventId;
    const scheduled = byId.get(String(scheduledId));
    if (scheduledId == null || scheduled === undefined) return [];
    const queue = scheduled.activityTaskScheduledEventAttributes?.taskQueue?.name ?? '';
    return [{ queue, scheduled: milliseconds(scheduled), started: milliseconds(event) }];
  });
}

function approvalTime(events: readonly HistoryEvent[]): number {
  const signal = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes != null);
  const next = events.slice(signal).find((event) => event.activityTaskStartedEventAttributes != null);
  const signaled = events[signal];
  if (signaled === undefined || next === undefined) throw new Error('a history without an approval was measured');
  return milliseconds(next) - milliseconds(signaled);
}

function milliseconds({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6;
}
