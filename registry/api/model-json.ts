import type { Caller } from '../identity/caller.ts';
import type { ClientComment } from '../models/comments.ts';
import type { ClientModel, ClientVersion } from '../models/read-models.ts';
import type { TransitionRequest } from '../open-requests.ts';
import type { Stage } from '../stages.ts';

/** The contract's `ModelVersion`. Unset fields are left out, but for the empty texts that upstream sends. */
export function versionJson(version: ClientVersion): object {
  const { tags, aliases, userId } = version;
  return {
    name: version.model,
    version: String(version.version),
    creation_timestamp: Date.parse(version.createdAt),
    last_updated_timestamp: Date.parse(version.updatedAt),
    ...(userId === '' ? {} : { user_id: userId }),
    current_stage: version.stage,
    description: version.description,
    source: version.source,
    run_id: version.runId ?? '',
    status: 'READY',
    ...(tags.length === 0 ? {} : { tags }),
    run_link: version.runLink,
    ...(aliases.length === 0 ? {} : { aliases }),
  };
}

/** The contract's `RegisteredModel`. */
export function modelJson(model: ClientModel): object {
  const { description, latestVersions, tags, aliases, deploymentJobId } = model;
  return {
    name: model.name,
    creation_timestamp: Date.parse(model.createdAt),
    last_updated_timestamp: Date.parse(model.updatedAt),
    ...(description === '' ? {} : { description }),
    ...(latestVersions.length === 0 ? {} : { latest_versions: latestVersions.map(versionJson) }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(aliases.length === 0
      ? {}
      : { aliases: aliases.map(({ alias, version }) => ({ alias, version: String(version) })) }),
    ...(deploymentJobId === null ? {} : { deployment_job_id: deploymentJobId }),
  };
}

/** A page of a search: the list is left out when it is empty. */
export function pageJson(name: string, items: readonly object[], nextPageToken: string | undefined): object {
  return {
    ...(items.length === 0 ? {} : { [name]: items }),
    ...(nextPageToken === undefined ? {} : { next_page_token: nextPageToken }),
  };
}

/** What of Databricks' activity types an answer can be. */
export type ActivityType =
  | 'APPLIED_TRANSITION'
  | 'REQUESTED_TRANSITION'
  | 'CANCELLED_REQUEST'
  | 'APPROVED_REQUEST'
  | 'REJECTED_REQUEST'
  | 'SYSTEM_TRANSITION';

export interface ActivityJsonInput {
  readonly id: string;
  readonly type: ActivityType;
  /** ISO instant. */
  readonly at: string;
  readonly by: string;
  readonly from: Stage;
  readonly to: Stage;
  readonly comment: string;
  /** What the registry adds to it. */
  readonly systemComment?: string;
}

/** Databricks' `Activity`. */
export function activityJson(activity: ActivityJsonInput): object {
  const { comment, systemComment } = activity;
  const at = Date.parse(activity.at);
  return {
    id: activity.id,
    activity_type: activity.type,
    creation_timestamp: at,
    last_updated_timestamp: at,
    user_id: activity.by,
    from_stage: activity.from,
    to_stage: activity.to,
    ...(comment === '' ? {} : { comment }),
    ...(systemComment === undefined ? {} : { system_comment: systemComment }),
  };
}

/** Databricks' `TransitionRequest`, with the fields of an `Activity`, which its SDK reads in lists. */
export function requestJson(request: TransitionRequest, from: Stage, actions: readonly string[]): object {
  const { id, createdAt: at, requestedBy: by, toStage: to, comment, status, evidenceDigest, workflowId } = request;
  const phase = status === 'asked' ? 'its gate is not open yet' : `evidence ${evidenceDigest ?? 'none'}`;
  return {
    ...activityJson({ id, type: 'REQUESTED_TRANSITION', at, by, from, to, comment, systemComment: phase }),
    ...(actions.length === 0 ? {} : { available_actions: actions }),
    ...(workflowId === null ? {} : { workflow_id: workflowId }),
  };
}

/** Databricks' `CommentObject`. */
export function commentJson(comment: ClientComment, caller: Caller): object {
  const own = comment.author === caller.name && caller.may('contribute', comment.model);
  const actions = own ? ['EDIT_COMMENT', 'DELETE_COMMENT'] : caller.may('administer') ? ['DELETE_COMMENT'] : [];
  return {
    id: comment.id,
    comment: comment.comment,
    creation_timestamp: Date.parse(comment.createdAt),
    last_updated_timestamp: Date.parse(comment.updatedAt),
    user_id: comment.author,
    ...(actions.length === 0 ? {} : { available_actions: actions }),
  };
}

/** Databricks' word for what the caller may do with a model. */
export function permissionLevel(caller: Caller, model: string): string {
  if (caller.may('administer')) return 'CAN_MANAGE';
  if (caller.may('manage-production', model)) return 'CAN_MANAGE_PRODUCTION_VERSIONS';
  if (caller.may('manage-staging', model)) return 'CAN_MANAGE_STAGING_VERSIONS';
  return caller.may('contribute', model) ? 'CAN_EDIT' : 'CAN_READ';
}
