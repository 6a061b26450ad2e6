import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { mlModel, mlVersion } from '../contracts/search-attributes.ts';
import type { WorkflowStanding } from '../registry/audit/reconciliation/facts.ts';

/** Workflows whose course is evidence: how a version came about, was judged, was promoted, was rolled back. */
const GOVERNED = ['trainToDeploy', 'trainModel', 'promoteModel', 'rollBackModel'];

const STANDINGS: Readonly<Record<string, WorkflowStanding['status']>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
};

/** How the latest run of a workflow id stands. */
export async function workflowStanding(client: Client, workflowId: string): Promise<WorkflowStanding> {
  try {
    const { status, runId } = await client.workflow.getHandle(workflowId).describe();
    return { status: STANDINGS[status.name] ?? 'running', runId };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { status: 'gone', runId: null };
    throw error;
  }
}

/** A run that has ended. */
export interface ClosedRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly status: string;
  /** Empty where the run ended before it knew. */
  readonly model: string;
  readonly version: number;
}

/** Runs of governed workflows that have ended and that the server still has. */
export async function* closedRuns(client: Client): AsyncGenerator<ClosedRun> {
  const types = GOVERNED.map((type) => `'${type}'`).join(', ');
  const query = `WorkflowType IN (${types}) AND ExecutionStatus != 'Running'`;
  for await (const run of client.workflow.list({ query })) yield toClosedRun(run);
}

function toClosedRun(run: WorkflowExecutionInfo): ClosedRun {
  return {
    workflowId: run.workflowId,
    runId: run.runId,
    type: run.type,
    status: run.status.name,
    model: run.typedSearchAttributes.get(mlModel) ?? '',
    version: Number(run.typedSearchAttributes.get(mlVersion) ?? 0),
  };
}

/** A run's history as JSON, as `temporal workflow show -o json` prints it; undefined when the server has deleted it. */
export async function fetchHistoryJson(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<string | undefined> {
  try {
    return historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
