import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type DecideAnswer, MESSAGE_NAMES } from '../../contracts/messages.ts';
import { DATA_QUEUE, SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import type { ReportProgress } from '../../contracts/child-process.ts';
import { freePorts } from '../dev-server/ports.ts';
import { startStack } from '../stack/start-stack.ts';
import { runMeasuredJob } from './measured-child.ts';
import { EVIDENCE_DIGEST, promotionActivities } from './promotion-activities.ts';

export interface GatesJob {
  readonly home: string;
  readonly gates: number;
  /** How many of them are answered at the end. */
  readonly answers: number;
  /** Workflows that the worker may keep in its cache. */
  readonly cached: number;
}

export interface GatesBench {
  /** Resident memory of the worker's process after each tenth of the gates, in MB. */
  readonly residentMb: readonly number[];
  readonly openingSeconds: number;
  /** From sending a decision to its answer, each at a gate that is out of the cache. */
  readonly answerMs: readonly number[];
  /** From sending a decision to the end of the promotion. */
  readonly promotedMs: readonly number[];
}

const NAMESPACE = 'prod';
const STARTING = 16;
const ON_THE_WAY = 64;
const PHASES = 10;

/** Many promotions that wait at their gates, on the real workflow and server; the worker's memory, and its answers. */
await runMeasuredJob(async (job: GatesJob, report): Promise<GatesBench> => {
  const stack = await startStack({ home: job.home, ports: await freePorts(), environments: [], quiet: true });
  try {
    const address = stack.addresses.temporal;
    const connection = await NativeConnection.connect({ address });
    const clientConnection = await Connection.connect({ address });
    const client = new Client({ connection: clientConnection, namespace: NAMESPACE });
    const activities = promotionActivities();
    let opened = 0;
    const { openApproval } = activities;
    activities.openApproval = () => {
      opened++;
      return openApproval();
    };
    const workers = await Promise.all(
      [SUPERSTEP_QUEUE, DATA_QUEUE].map((taskQueue) =>
        Worker.create({
          ...{ connection, namespace: NAMESPACE, taskQueue, activities, maxCachedWorkflows: job.cached },
          ...(taskQueue === SUPERSTEP_QUEUE ? { workflowBundle: { codePath: stack.workflowBundle } } : {}),
        }),
      ),
    );
    const running = Promise.all(workers.map((worker) => worker.run()));
    const started = performance.now();
    const residentMb = await openGates(client, job, () => opened, report);
    const openingSeconds = (performance.now() - started) / 1000;
    const answers = await answerGates(client, job);
    for (const worker of workers) worker.shutdown();
    await running;
    await clientConnection.close();
    await connection.close();
    return { residentMb, openingSeconds, ...answers };
  } finally {
    await stack.stop();
  }
});

async function openGates(
  client: Client,
  { gates }: GatesJob,
  opened: () => number,
  report: ReportProgress,
): Promise<number[]> {
  const collect = garbageCollector();
  const residentMb: number[] = [];
  for (let phase = 1; phase <= PHASES; phase++) {
    const until = Math.round((gates * phase) / PHASES);
    let next = Math.round((gates * (phase - 1)) / PHASES);
    const starter = async (): Promise<void> => {
      while (next < until) {
        const gate = next++;
        while (gate - opened() > ON_THE_WAY) await wait(20);
        await startGate(client, gate);
      }
    };
    await Promise.all(Array.from({ length: STARTING }, starter));
    while (opened() < until) await wait(20);
    collect();
    residentMb.push(process.memoryUsage.rss() / 2 ** 20);
    await report(until, gates, 'gates');
  }
  return residentMb;
}

async function startGate(client: Client, gate: number): Promise<void> {
  await client.workflow.start('promoteModel', {
    taskQueue: SUPERSTEP_QUEUE,
    workflowId: gateId(gate),
    args: [{ project: 'bench', version: gate + 1 }],
  });
}

/** Answers gates that were opened first, one after the other: no cache holds them any more. */
async function answerGates(client: Client, { gates, answers }: GatesJob) {
  const answerMs: number[] = [];
  const promotedMs: number[] = [];
  const decision = { decision: 'approve', approver: 'governance', comment: 'bench', evidence: EVIDENCE_DIGEST };
  for (let answer = 0; answer < answers; answer++) {
    const handle = client.workflow.getHandle(gateId(Math.floor((answer * gates) / (2 * answers))));
    const started = performance.now();
    const { outcome } = await handle.executeUpdate<DecideAnswer, [unknown]>(MESSAGE_NAMES.decide, { args: [decision] });
    answerMs.push(performance.now() - started);
    if (outcome !== 'approved') throw new Error(`${handle.workflowId} was to be approved, found ${String(outcome)}`);
    await handle.result();
    promotedMs.push(performance.now() - started);
  }
  return { answerMs, promotedMs };
}

function gateId(gate: number): string {
  return `promote-model/bench/${gate + 1}`;
}

/** What is garbage and only waits to be collected says nothing of what gates cost. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
