import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { setTimeout as pause } from 'node:timers/promises';
import { createFailureInterceptor } from '../../activities/failure-interceptor.ts';
import type { WorkflowStatus } from '../../contracts/messages.ts';
import { SEARCH_ATTRIBUTES } from '../../contracts/search-attributes.ts';
import { DATA_QUEUE, SUPERSTEP_QUEUE, TRAIN_QUEUE } from '../../contracts/task-queues.ts';
import type { WorkflowType } from '../../contracts/workflow-ids.ts';
import { nativeParts } from '../support/native-parts.ts';
import { mockActivities, type MockActivities } from './mock-activities.ts';

/** A server of its own with the real workflows and mocked activities on all three queues. */
export interface WorkflowEnv {
  readonly client: Client;
  /** `host:port` of the server. */
  readonly address: string;
  readonly mocks: MockActivities;
  /** Starts a workflow as the CLI does; `id` is unique unless given. */
  start(type: WorkflowType, input: unknown, id?: string): Promise<WorkflowHandle>;
  stop(): Promise<void>;
}

// Named the same on every machine: recorded histories hold identities.
const IDENTITY = 'superstep-test';
let logsAreQuiet = false;

/** Starts server and workers. One per test file, since the workflows name their queues. `serverArgs` go to the server. */
export async function startWorkflowEnv(
  workflowBundle: string,
  namespace = 'default',
  serverArgs: readonly string[] = [],
): Promise<WorkflowEnv> {
  if (!logsAreQuiet) Runtime.install({ logger: new DefaultLogger('ERROR') });
  logsAreQuiet = true;
  const server = await TestWorkflowEnvironment.createLocal({
    client: { identity: IDENTITY },
    server: {
      executable: { type: 'existing-path', path: nativeParts().temporalCli },
      namespace,
      searchAttributes: [...SEARCH_ATTRIBUTES],
      log: { format: 'pretty', level: 'error' },
      extraArgs: [...serverArgs],
    },
  });
  const mocks = mockActivities();
  const workers = await Promise.all(
    [SUPERSTEP_QUEUE, DATA_QUEUE, TRAIN_QUEUE].map((taskQueue) =>
      Worker.create({
        connection: server.nativeConnection,
        namespace,
        identity: IDENTITY,
        taskQueue,
        // A failed test may leave an activity that waits for ever; the server must be stopped none the less.
        shutdownForceTime: '5s',
        activities: mocks.activities,
        interceptors: { activity: [() => ({ inbound: createFailureInterceptor() })] },
        ...(taskQueue === SUPERSTEP_QUEUE ? { workflowBundle: { codePath: workflowBundle } } : {}),
      }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));
  let started = 0;
  return {
    client: server.client,
    address: server.address,
    mocks,
    start: (type, input, id = `${type}/${++started}`) =>
      server.client.workflow.start(type, {
        taskQueue: SUPERSTEP_QUEUE,
        workflowId: id,
        args: input === undefined ? [] : [input],
      }),
    stop: async () => {
      for (const worker of workers) worker.shutdown();
      await running.finally(() => server.teardown());
    },
  };
}

/** Polls until the condition holds; the end of patience is an error that names what was waited for. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await pause(20);
  }
}

export function status(handle: WorkflowHandle): Promise<WorkflowStatus> {
  return handle.query<WorkflowStatus>('status');
}

/** Waits until a promotion's details say that it waits, and (a digest) on which evidence. */
export function gateOpens(handle: WorkflowHandle, digest = ''): Promise<void> {
  return until(`${handle.workflowId} waits at its gate`, async () => {
    const { details } = await status(handle);
    return details.includes('Waiting for a decision') && details.includes(digest.slice(0, 12));
  });
}

/** What the Web UI shows of a running workflow: current details, and which messages it takes. */
export async function metadata(handle: WorkflowHandle): Promise<{ readonly currentDetails: string }> {
  return handle.query<{ readonly currentDetails: string }>('__temporal_workflow_metadata');
}
