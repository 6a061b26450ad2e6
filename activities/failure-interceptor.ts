import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { FAILURE_TYPES, SuperstepError } from '../contracts/failure-types.ts';
import { withHeartbeats } from './heartbeat.ts';

// A failure travels in the history of its workflow; a person needs its head, not a megabyte of SQL.
const LONGEST_MESSAGE = 4_000;

/** Maps {@link SuperstepError} to Temporal's failure of the same type, and heartbeats while the activity runs. */
export function createFailureInterceptor(): ActivityInboundCallsInterceptor {
  return {
    async execute(
      input: ActivityExecuteInput,
      next: Next<ActivityInboundCallsInterceptor, 'execute'>,
    ): Promise<unknown> {
      try {
        return await withHeartbeats(() => next(input));
      } catch (error) {
        throw toFailure(error);
      }
    },
  };
}

/** What the workflow sees of an error: a {@link SuperstepError} keeps its type, anything else is passed on and retried. */
export function toFailure(error: unknown): unknown {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (!(error instanceof SuperstepError)) return error;
  return ApplicationFailure.create({
    type: error.type,
    message: error.message.slice(0, LONGEST_MESSAGE),
    nonRetryable: !FAILURE_TYPES[error.type].retryable,
    details: [error.details],
    cause: error,
  });
}
