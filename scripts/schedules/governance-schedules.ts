import type { ScheduleClient, ScheduleOptions } from '@temporalio/client';
import type { Environment } from '../../contracts/environments.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import { mlEnvironment, mlTrigger } from '../../contracts/search-attributes.ts';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import { workflowId, type WorkflowType } from '../../contracts/workflow-ids.ts';
import {
  createOrUpdate,
  remove,
  standingSchedule,
  type ScheduleChange,
  type StandingSchedule,
} from './apply-schedules.ts';

/** What an environment has done by the clock, whatever its projects do. */
export const GOVERNANCE_KINDS = ['audit-head', 'reconcile', 'recertify'] as const;
export type GovernanceKind = (typeof GOVERNANCE_KINDS)[number];

interface GovernanceSchedule {
  readonly type: WorkflowType;
  readonly summary: string;
  readonly spec: (policy: Policy) => ScheduleOptions['spec'];
}

const SCHEDULES: Readonly<Record<GovernanceKind, GovernanceSchedule>> = {
  'audit-head': {
    type: 'writeAuditHead',
    summary: 'Keep histories, sign and write out the head of the audit of',
    spec: ({ audit }) => ({ intervals: [{ every: audit.heads.every as `${number}h` }] }),
  },
  reconcile: {
    type: 'reconcileRegistry',
    summary: 'Hold the registry against its workflows and files in',
    spec: () => ({ cronExpressions: ['30 * * * *'] }),
  },
  recertify: {
    type: 'recertifyModels',
    summary: 'Hold what is in Production against the policy of today in',
    spec: () => ({ cronExpressions: ['0 6 * * *'] }),
  },
};

/** `governance/<kind>`. */
export function governanceScheduleId(kind: GovernanceKind): string {
  return `governance/${kind}`;
}

/** Makes an environment's own schedules those that its policy asks for. May be repeated at will. */
export async function applyGovernanceSchedules(
  schedules: ScheduleClient,
  policy: Policy,
  environment: Environment,
): Promise<Record<GovernanceKind, ScheduleChange>> {
  return byKind((kind) => createOrUpdate(schedules, options(kind, policy, environment)));
}

export function removeGovernanceSchedules(schedules: ScheduleClient): Promise<Record<GovernanceKind, ScheduleChange>> {
  return byKind((kind) => remove(schedules, governanceScheduleId(kind)));
}

/** Those that stand on the server. */
export async function listGovernanceSchedules(schedules: ScheduleClient): Promise<StandingSchedule[]> {
  const ids = GOVERNANCE_KINDS.map(governanceScheduleId);
  return (await Promise.all(ids.map((id) => standingSchedule(schedules, id)))).flat();
}

function options(kind: GovernanceKind, policy: Policy, environment: Environment) {
  const { type, summary, spec } = SCHEDULES[kind];
  return {
    scheduleId: governanceScheduleId(kind),
    spec: spec(policy),
    // A run that was missed while the server was down is made up for by the next one.
    policies: { overlap: 'SKIP', catchupWindow: '10m', pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: type,
      workflowId: workflowId(type, environment, 'scheduled'),
      taskQueue: SUPERSTEP_QUEUE,
      args: kind === 'recertify' ? [{}] : [],
      staticSummary: `${summary} ${environment}`,
      typedSearchAttributes: [
        { key: mlEnvironment, value: environment },
        { key: mlTrigger, value: 'schedule' },
      ],
    },
  } as const satisfies ScheduleOptions;
}

async function byKind(
  work: (kind: GovernanceKind) => Promise<ScheduleChange>,
): Promise<Record<GovernanceKind, ScheduleChange>> {
  const changes = await Promise.all(GOVERNANCE_KINDS.map(async (kind) => [kind, await work(kind)] as const));
  return Object.fromEntries(changes) as Record<GovernanceKind, ScheduleChange>;
}
