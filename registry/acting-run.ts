import { AsyncLocalStorage } from 'node:async_hooks';

/** The workflow run whose activity acts. */
export interface ActingRun {
  readonly workflowId: string;
  readonly runId: string;
}

const acting = new AsyncLocalStorage<ActingRun>();

/**
 * Does something on behalf of a workflow run: whatever is written to the audit meanwhile says so. Where it comes from
 * is the server's word, not the workflow's: no activity has to be told, and none can be told wrong.
 */
export function actFor<T>(run: ActingRun, work: () => T): T {
  return acting.run(run, work);
}

/** On whose behalf this is done; undefined for what no workflow does. */
export function actingRun(): ActingRun | undefined {
  return acting.getStore();
}
