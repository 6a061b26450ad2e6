import { activityInfo } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { actFor } from '../registry/acting-run.ts';

/** Lets the audit say by which workflow run each act of an activity was done. */
export function createActingRunInterceptor(): ActivityInboundCallsInterceptor {
  return {
    execute: (input, next) => {
      const { workflowExecution } = activityInfo();
      return workflowExecution === undefined ? next(input) : actFor(workflowExecution, () => next(input));
    },
  };
}
