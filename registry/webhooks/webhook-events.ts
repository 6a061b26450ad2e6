import type { Activity, ActivityAction } from '../activity-log.ts';

/** Events of Databricks' registry webhooks. */
export const DATABRICKS_EVENTS = [
  'MODEL_VERSION_CREATED',
  'MODEL_VERSION_TRANSITIONED_STAGE',
  'MODEL_VERSION_TRANSITIONED_TO_STAGING',
  'MODEL_VERSION_TRANSITIONED_TO_PRODUCTION',
  'MODEL_VERSION_TRANSITIONED_TO_ARCHIVED',
  'TRANSITION_REQUEST_CREATED',
  'TRANSITION_REQUEST_TO_STAGING_CREATED',
  'TRANSITION_REQUEST_TO_PRODUCTION_CREATED',
  'TRANSITION_REQUEST_TO_ARCHIVED_CREATED',
  'COMMENT_CREATED',
  'REGISTERED_MODEL_CREATED',
  'MODEL_VERSION_TAG_SET',
] as const;
export type DatabricksEvent = (typeof DATABRICKS_EVENTS)[number];

/** Events of MLflow's webhooks, as `<entity>.<action>`. Those about prompts are not known here. */
export const MLFLOW_EVENTS = [
  'registered_model.created',
  'model_version.created',
  'model_version_tag.set',
  'model_version_tag.deleted',
  'model_version_alias.created',
  'model_version_alias.deleted',
] as const;
export type MlflowEvent = (typeof MLFLOW_EVENTS)[number];

/** What people are told, unasked. */
export const NOTICE_ACTIONS = [
  'GATE_OPENED',
  'GATE_REMINDED',
  'GATE_ESCALATED',
  'RECORDED_GATE',
  'REJECTED_REQUEST',
  'EXPIRED_REQUEST',
  'SUPERSEDED_REQUEST',
  'CANCELLED_REQUEST',
  'PROMOTED_VERSION',
  'ROLLED_BACK',
  'BROKE_GLASS',
  'CHANGED_POLICY',
  'MONITOR_ALERT',
  'RECERTIFIED',
  'RECONCILED',
  'DISABLED_WEBHOOK',
] as const satisfies readonly ActivityAction[];

export const SUBSCRIBER_KINDS = ['mlflow', 'databricks', 'console', 'file', 'email', 'chat'] as const;
export type SubscriberKind = (typeof SUBSCRIBER_KINDS)[number];

/** What a subscriber wants to hear of. */
export interface Interest {
  readonly kind: SubscriberKind;
  /** Empty for every model. */
  readonly model: string;
  /** What a webhook asked for. */
  readonly events: readonly string[];
}

export type WebhookKind = Extract<SubscriberKind, 'mlflow' | 'databricks'>;

/** A webhook is somebody's; every other kind is a notifier of the policy. */
export function isWebhook(kind: SubscriberKind): kind is WebhookKind {
  return kind === 'mlflow' || kind === 'databricks';
}

/** The events that an act is for a subscriber, in the order in which they are sent: mostly none, at most two. */
export function eventsFor({ kind, model, events }: Interest, activity: Activity): string[] {
  if (model !== '' && activity.model !== model) return [];
  const found = {
    databricks: databricksEvents,
    mlflow: mlflowEvents,
    console: notices,
    file: notices,
    email: notices,
    chat: notices,
  }[kind](activity);
  // A notifier tells all that people are told.
  return isWebhook(kind) ? found.filter((event) => events.includes(event)) : found;
}

function databricksEvents({ action, version, fromStage, toStage }: Activity): DatabricksEvent[] {
  if (version === 0) return action === 'CREATED_MODEL' ? ['REGISTERED_MODEL_CREATED'] : [];
  // Every move says both stages, whatever moved it.
  if (fromStage !== null && toStage !== null && fromStage !== toStage)
    return ['MODEL_VERSION_TRANSITIONED_STAGE', ...toEvent(toStage, 'MODEL_VERSION_TRANSITIONED_TO_', '')];
  if (action === 'REQUESTED_TRANSITION')
    return ['TRANSITION_REQUEST_CREATED', ...toEvent(toStage ?? '', 'TRANSITION_REQUEST_TO_', '_CREATED')];
  const event = DATABRICKS_BY_ACTION[action];
  return event === undefined ? [] : [event];
}

const DATABRICKS_BY_ACTION: Partial<Readonly<Record<ActivityAction, DatabricksEvent>>> = {
  REGISTERED_VERSION: 'MODEL_VERSION_CREATED',
  NEW_COMMENT: 'COMMENT_CREATED',
  // A gate tells its result in a comment.
  RECORDED_GATE: 'COMMENT_CREATED',
  SET_TAG: 'MODEL_VERSION_TAG_SET',
};

/** Moves to None have no event of their own. */
function toEvent(stage: string, before: string, after: string): DatabricksEvent[] {
  const name = `${before}${stage.toUpperCase()}${after}`;
  return DATABRICKS_EVENTS.filter((event) => event === name);
}

function mlflowEvents({ action, version }: Activity): MlflowEvent[] {
  if (version === 0) return action === 'CREATED_MODEL' ? ['registered_model.created'] : [];
  const event = MLFLOW_BY_ACTION[action];
  return event === undefined ? [] : [event];
}

const MLFLOW_BY_ACTION: Partial<Readonly<Record<ActivityAction, MlflowEvent>>> = {
  REGISTERED_VERSION: 'model_version.created',
  SET_TAG: 'model_version_tag.set',
  DELETED_TAG: 'model_version_tag.deleted',
  SET_ALIAS: 'model_version_alias.created',
  DELETED_ALIAS: 'model_version_alias.deleted',
};

const CLOSED_REQUEST = /^(REJECTED|EXPIRED|SUPERSEDED|CANCELLED)_REQUEST$/;

function notices({ action, toStage, details }: Activity): string[] {
  // What passes today's policy is no news.
  if (action === 'RECERTIFIED' && !hasFindings(details)) return [];
  // A rollback is one piece of news, though two versions move.
  if (action === 'ROLLED_BACK' && toStage !== 'Production') return [];
  // Nor is a gate that lets through, nor a request for another stage: gates and clients close those themselves.
  if (action === 'RECORDED_GATE' && details?.['verdict'] !== 'fail') return [];
  if (CLOSED_REQUEST.test(action) && toStage !== 'Production') return [];
  return NOTICE_ACTIONS.filter((known) => known === action);
}

function hasFindings(details: Activity['details']): boolean {
  const findings = details?.['findings'];
  return Array.isArray(findings) && findings.length > 0;
}
