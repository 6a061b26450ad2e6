import { Context } from '@temporalio/activity';

/** How far a piece of work is; what a person sees of a running activity, as its heartbeat details. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly note: string;
}

const latest = new WeakMap<Context, Progress>();

/** Heartbeats with progress; the regular heartbeats repeat it until the next. */
export function reportProgress(progress: Progress): void {
  const context = Context.current();
  latest.set(context, progress);
  context.heartbeat(progress);
}

/**
 * Heartbeats regularly while `work` runs, so that a dead worker is noticed after one heartbeat timeout and a cancelled
 * activity hears of it. Three times in each timeout, so that one lost heartbeat does no harm.
 */
export async function withHeartbeats<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timeout = context.info.heartbeatTimeoutMs;
  if (timeout === undefined || timeout <= 0) return work();
  const timer = setInterval(() => context.heartbeat(latest.get(context)), timeout / 3);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
