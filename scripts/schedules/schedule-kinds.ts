import type { ScheduleOptions } from '@temporalio/client';
import type { Environment } from '../../contracts/environments.ts';
import type { ProjectDefinition } from '../../contracts/schemas/project.ts';
import { mlEnvironment, mlModel, mlTrigger } from '../../contracts/search-attributes.ts';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import { workflowId, type WorkflowType } from '../../contracts/workflow-ids.ts';

/** What a project can have done by the clock. */
export const SCHEDULE_KINDS = ['refresh', 'score', 'monitor', 'retrain'] as const;
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number];

const ACTIONS: Readonly<Record<ScheduleKind, { readonly type: WorkflowType; readonly summary: string }>> = {
  refresh: { type: 'refreshFeatures', summary: 'Refresh features of' },
  score: { type: 'scoreBatch', summary: 'Score the last window of' },
  monitor: { type: 'monitorModel', summary: 'Monitor the last window of' },
  retrain: { type: 'trainToDeploy', summary: 'Retrain and ask to deploy' },
};

/** A run that was missed while the server was down is made up for within this time, not later. */
const CATCH_UP = '10m';

/** `<project>/<kind>`. */
export function scheduleId(project: string, kind: ScheduleKind): string {
  return `${project}/${kind}`;
}

/** The schedule of a kind as Temporal takes it; undefined when the project does not ask for it. Times are UTC. */
export function scheduleOptions(
  definition: Pick<ProjectDefinition, 'project' | 'schedules'>,
  kind: ScheduleKind,
  environment: Environment,
): (ScheduleOptions & { readonly action: { readonly type: 'startWorkflow' } }) | undefined {
  const { project, schedules } = definition;
  const cron = schedules[kind];
  if (cron === undefined) return undefined;
  const { type, summary } = ACTIONS[kind];
  return {
    scheduleId: scheduleId(project, kind),
    spec: { cronExpressions: [cron] },
    policies: { overlap: 'SKIP', catchupWindow: CATCH_UP, pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: type,
      // Temporal appends the scheduled time, so the key of a run is `scheduled-<time>`.
      workflowId: workflowId(type, project, 'scheduled'),
      taskQueue: SUPERSTEP_QUEUE,
      args: [kind === 'retrain' ? { project, trigger: 'schedule' } : { project }],
      staticSummary: `${summary} ${project}, by schedule (${cron})`,
      typedSearchAttributes: [
        { key: mlModel, value: project },
        { key: mlEnvironment, value: environment },
        { key: mlTrigger, value: 'schedule' },
      ],
    },
  };
}
