import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { MESSAGE_NAMES, type WorkflowStatus } from '../../contracts/messages.ts';
import { DATA_QUEUE, SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import { freePorts } from '../dev-server/ports.ts';
import { startStack } from '../stack/start-stack.ts';
import { runMeasuredJob } from './measured-child.ts';
import { EVIDENCE_DIGEST, promotionActivities } from './promotion-activities.ts';
import { type PromotionTimes, readPromotionTimes } from './promotion-times.ts';

export interface PromotionJob {
  readonly home: string;
  readonly runs: number;
}

export interface PromotionBench extends PromotionTimes {
  /** Round trips of one signal to a workflow that nobody works on: a write that the server has stored. */
  readonly roundTripMs: readonly number[];
}

const NAMESPACE = 'prod';
const ROUND_TRIPS = 200;

/** The real workflow and server, with activities that answer at once: what is left is the engine's own time. */
await runMeasuredJob(async ({ home, runs }: PromotionJob, report): Promise<PromotionBench> => {
  const stack = await startStack({ home, ports: await freePorts(), environments: [], quiet: true });
  try {
    const address = stack.addresses.temporal;
    const connection = await NativeConnection.connect({ address });
    const clientConnection = await Connection.connect({ address });
    const client = new Client({ connection: clientConnection, namespace: NAMESPACE });
    const activities = promotionActivities();
    const workers = await Promise.all(
      [SUPERSTEP_QUEUE, DATA_QUEUE].map((taskQueue) =>
        Worker.create({
          ...{ connection, namespace: NAMESPACE, taskQueue, activities },
          ...(taskQueue === SUPERSTEP_QUEUE ? { workflowBundle: { codePath: stack.workflowBundle } } : {}),
        }),
      ),
    );
    const running = Promise.all(workers.map((worker) => worker.run()));
    const roundTripMs = await measureRoundTrips(client);
    const histories = [];
    for (let run = 0; run <= runs; run++) {
      await report(run, runs, 'promotions');
      const handle = await client.workflow.start('promoteModel', {
        taskQueue: SUPERSTEP_QUEUE,
        workflowId: `promote-model/bench/${run}`,
        args: [{ project: 'bench', version: run }],
      });
      await promote(handle);
      // The first run loads code and connections; it is no measurement.
      if (run > 0) histories.push(await handle.fetchHistory());
    }
    for (const worker of workers) worker.shutdown();
    await running;
    await clientConnection.close();
    await connection.close();
    return { ...readPromotionTimes(histories), roundTripMs };
  } finally {
    await stack.stop();
  }
});

async function promote(handle: WorkflowHandle): Promise<void> {
  for (;;) {
    const { details } = await handle.query<WorkflowStatus>(MESSAGE_NAMES.status);
    if (details.includes('Waiting for a decision')) break;
    await wait(50);
  }
  await handle.signal(MESSAGE_NAMES.approve, { approver: 'governance', comment: 'bench', evidence: EVIDENCE_DIGEST });
  await handle.result();
}

async function measureRoundTrips(client: Client): Promise<number[]> {
  const handle = await client.workflow.start('nobody', { taskQueue: 'nobody', workflowId: `bench/${randomUUID()}` });
  const times: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const started = performance.now();
    await handle.signal('ping');
    times.push(performance.now() - started);
  }
  await handle.terminate('measured');
  return times;
}
