import { ScheduleAlreadyRunning, type ScheduleClient, ScheduleNotFoundError } from '@temporalio/client';
import type { Environment } from '../../contracts/environments.ts';
import type { ProjectDefinition } from '../../contracts/schemas/project.ts';
import { SCHEDULE_KINDS, type ScheduleKind, scheduleId, scheduleOptions } from './schedule-kinds.ts';

export type ScheduleChange = 'created' | 'updated' | 'removed' | 'absent';

/**
 * Makes the schedules of a project in an environment those of its definition: creates, updates, removes. Can be
 * repeated at will. Whether a schedule is paused is its operator's business and stays.
 */
export async function applySchedules(
  schedules: ScheduleClient,
  definition: Pick<ProjectDefinition, 'project' | 'schedules'>,
  environment: Environment,
): Promise<Record<ScheduleKind, ScheduleChange>> {
  const changes = await Promise.all(
    SCHEDULE_KINDS.map(async (kind) => {
      const options = scheduleOptions(definition, kind, environment);
      return options === undefined
        ? remove(schedules, scheduleId(definition.project, kind))
        : createOrUpdate(schedules, options);
    }),
  );
  return byKind(changes);
}

/** Removes all schedules of a project in an environment. */
export async function removeSchedules(
  schedules: ScheduleClient,
  project: string,
): Promise<Record<ScheduleKind, ScheduleChange>> {
  return byKind(await Promise.all(SCHEDULE_KINDS.map((kind) => remove(schedules, scheduleId(project, kind)))));
}

/** A schedule as it stands on the server. */
export interface StandingSchedule {
  readonly id: string;
  readonly paused: boolean;
  /** ISO instant; null when there is none. */
  readonly next: string | null;
  readonly runs: number;
}

/** The schedules that a project has on the server. */
export async function listSchedules(schedules: ScheduleClient, project: string): Promise<StandingSchedule[]> {
  const ids = SCHEDULE_KINDS.map((kind) => scheduleId(project, kind));
  return (await Promise.all(ids.map((id) => standingSchedule(schedules, id)))).flat();
}

/** A schedule as it stands, alone in a list; an empty list when it is not there. */
export async function standingSchedule(schedules: ScheduleClient, id: string): Promise<StandingSchedule[]> {
  const description = await schedules.getHandle(id).describe().catch(undefinedWhenNotFound);
  if (description === undefined) return [];
  const [next] = description.info.nextActionTimes;
  const runs = description.info.numActionsTaken;
  return [{ id, paused: description.state.paused, next: next?.toISOString() ?? null, runs }];
}

/** Creates a schedule, or makes the one that stands as these options say, but for being paused. */
export async function createOrUpdate(
  schedules: ScheduleClient,
  options: NonNullable<ReturnType<typeof scheduleOptions>>,
): Promise<ScheduleChange> {
  try {
    await schedules.create(options);
    return 'created';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  await schedules.getHandle(options.scheduleId).update((standing) => ({
    spec: options.spec,
    policies: options.policies ?? {},
    action: options.action,
    state: {
      paused: standing.state.paused,
      ...(standing.state.note === undefined ? {} : { note: standing.state.note }),
    },
  }));
  return 'updated';
}

export async function remove(schedules: ScheduleClient, id: string): Promise<ScheduleChange> {
  try {
    await schedules.getHandle(id).delete();
    return 'removed';
  } catch (error) {
    undefinedWhenNotFound(error);
    return 'absent';
  }
}

function undefinedWhenNotFound(error: unknown): undefined {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
  return undefined;
}

function byKind(changes: readonly ScheduleChange[]): Record<ScheduleKind, ScheduleChange> {
  return Object.fromEntries(SCHEDULE_KINDS.map((kind, index) => [kind, changes[index]])) as Record<
    ScheduleKind,
    ScheduleChange
  >;
}
