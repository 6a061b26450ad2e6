import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, watch } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerInterceptors } from '@temporalio/worker';

/** Variable of a faulty worker: JSON of {@link FaultPlan}. */
export const FAULTS_VARIABLE = 'SUPERSTEP_TEST_FAULTS';

export interface FaultPlan {
  /** Shared by all lives of all faulty workers: a file here says that a fault has struck, so that it does not again. */
  readonly markers: string;
  /** SIGKILL at both boundaries of every activity: before its body, and after it, before the server hears of it. */
  readonly killEverywhere?: boolean;
  readonly freezes?: readonly Freeze[];
}

/** SIGSTOP of the whole process group, once; whoever sends SIGCONT decides how late its writes come. */
export interface Freeze {
  readonly activity: string;
  /** `file`: as soon as a file appears below `folder`, in the middle of the body. */
  readonly when: 'before' | 'after' | 'file';
  readonly folder?: string;
}

type Interceptors = NonNullable<WorkerInterceptors['activity']>;

/** Names of the faults that have struck, and `<activity>.returned` for each body that came back after a freeze. */
export async function struck(markers: string): Promise<string[]> {
  return (await readdir(markers)).sort();
}

/** Interceptors that strike as planned. */
export function faultyInterceptors(plan: FaultPlan): Interceptors {
  return [
    (context) => ({
      inbound: {
        execute: async (input, next) => {
          const { activityType, activityId, workflowExecution } = context.info;
          // The same for each try of one activity, another for the next call of its type.
          const call = `${activityType}@${workflowExecution?.workflowId.replaceAll('/', '~')}@${activityId}`;
          if (plan.killEverywhere === true && claim(plan.markers, `${call}.before`)) killSelf();
          const thaw = freezeFor(plan, activityType);
          try {
            const result: unknown = await next(input);
            if (plan.killEverywhere === true && claim(plan.markers, `${call}.after`)) killSelf();
            return result;
          } finally {
            thaw();
          }
        },
      },
    }),
  ];
}

/** Arms the freeze of an activity; the returned function is called when its body is over. */
function freezeFor(plan: FaultPlan, activity: string): () => void {
  const freeze = plan.freezes?.find((each) => each.activity === activity);
  if (freeze === undefined) return () => undefined;
  const strike = (): boolean => {
    const mine = claim(plan.markers, `${activity}.frozen`);
    if (mine) process.kill(-process.pid, 'SIGSTOP');
    return mine;
  };
  let isMine = false;
  const watching = new AbortController();
  if (freeze.when === 'before') isMine = strike();
  if (freeze.when === 'file') {
    void (async () => {
      for await (const _ of watch(freeze.folder ?? '', { recursive: true, signal: watching.signal })) {
        isMine ||= strike();
      }
    })().catch(() => undefined);
  }
  return () => {
    watching.abort();
    if (freeze.when === 'after') isMine = strike();
    if (isMine) writeFileSync(join(plan.markers, `${activity}.returned`), '');
  };
}

/** True for the first who asks, of all processes. Synchronous: the marker must be there before the signal is. */
function claim(markers: string, name: string): boolean {
  try {
    mkdirSync(join(markers, name));
    return true;
  } catch {
    return false;
  }
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL');
}
