import type { Knex } from 'knex';
import { actingRun } from './acting-run.ts';
import { sealRow, storableText, type AuditRow } from './audit/chain.ts';
import { selectRowsOfModel } from './audit/model-rows.ts';
import { selectChainEnd, selectRowsAfter, toStored } from './audit/rows.ts';
import { canonicalJson } from './canonical-json.ts';
import type { RegistryDatabase } from './database.ts';
import type { CallerProof } from './identity/caller.ts';
import type { Stage } from './stages.ts';

/** What is written down; MLflow's activity types, and ours where it has none. */
export type ActivityAction =
  | 'CREATED_MODEL'
  | 'UPDATED_MODEL'
  | 'RENAMED_MODEL'
  | 'DELETED_MODEL'
  | 'REGISTERED_VERSION'
  | 'UPDATED_VERSION'
  | 'DELETED_VERSION'
  | 'REQUESTED_TRANSITION'
  | 'APPROVED_REQUEST'
  | 'REJECTED_REQUEST'
  | 'EXPIRED_REQUEST'
  | 'SUPERSEDED_REQUEST'
  | 'CANCELLED_REQUEST'
  | 'APPLIED_TRANSITION'
  | 'SYSTEM_TRANSITION'
  | 'RECORDED_GATE'
  | 'RECORDED_DECISION'
  | 'ASKED_ROLLBACK'
  | 'ROLLED_BACK'
  | 'BROKE_GLASS'
  | 'NEW_COMMENT'
  | 'EDITED_COMMENT'
  | 'DELETED_COMMENT'
  | 'SET_TAG'
  | 'DELETED_TAG'
  | 'SET_ALIAS'
  | 'DELETED_ALIAS'
  | 'GATE_OPENED'
  | 'GATE_REMINDED'
  | 'GATE_ESCALATED'
  | 'PROMOTED_VERSION'
  | 'GRANTED_WAIVER'
  | 'REVOKED_WAIVER'
  | 'FULFILLED_CONDITION'
  | 'RECERTIFIED'
  | 'RECONCILED'
  | 'CHANGED_POLICY'
  | 'CREATED_USER'
  | 'DISABLED_USER'
  | 'GRANTED_ROLE'
  | 'REVOKED_ROLE'
  | 'CREATED_TOKEN'
  | 'REVOKED_TOKEN'
  | 'ADDED_KEY'
  | 'REVOKED_KEY'
  | 'MONITOR_ALERT'
  | 'CREATED_WEBHOOK'
  | 'UPDATED_WEBHOOK'
  | 'DELETED_WEBHOOK'
  | 'DISABLED_WEBHOOK'
  | 'ENABLED_WEBHOOK'
  | 'ARCHIVED_HISTORY';

/** One line of the audit: who did what to which version, when, and on which evidence. Never changed, never deleted. */
export interface Activity {
  /** Counts up by one over the whole environment: a subscriber keeps the last one that it has seen. */
  readonly sequence: number;
  readonly at: string;
  /** Empty, with version 0, for acts of the environment: users, roles, policies. Version 0 for acts on a model. */
  readonly model: string;
  readonly version: number;
  readonly action: ActivityAction;
  readonly fromStage: Stage | null;
  readonly toStage: Stage | null;
  readonly by: string;
  /** How the actor showed who it is. */
  readonly proof: CallerProof;
  readonly comment: string;
  readonly evidenceDigest: string | null;
  readonly workflowId: string | null;
  readonly workflowRunId: string | null;
  /** Whatever else a reader wants to know, JSON. */
  readonly details: Readonly<Record<string, unknown>> | null;
}

export type ActivityInput = Pick<Activity, 'at' | 'action' | 'by'> & Partial<Omit<Activity, 'sequence'>>;

/**
 * Appends a line to the chain, in the transaction that did what it says. The transaction must be one of the registry's
 * scope (`db.write` without another one): those exclude each other, so the order is total.
 */
export async function writeActivity(trx: Knex, activity: ActivityInput): Promise<void> {
  const end = await selectChainEnd(trx);
  const optional = (text: string | null | undefined): string | null =>
    text === undefined || text === null ? null : storableText(text);
  const run = actingRun();
  const workflowId = activity.workflowId ?? run?.workflowId;
  // A row about another workflow, whose gate this one closes, has no run of that one to name.
  const runId = activity.workflowRunId ?? (run?.workflowId === workflowId ? run?.runId : undefined);
  const row = sealRow({
    sequence: end.sequence + 1,
    at: activity.at,
    model: storableText(activity.model ?? ''),
    version: activity.version ?? 0,
    action: activity.action,
    fromStage: activity.fromStage ?? null,
    toStage: activity.toStage ?? null,
    by: storableText(activity.by),
    proof: activity.proof ?? 'claimed',
    comment: storableText(activity.comment ?? ''),
    evidenceDigest: optional(activity.evidenceDigest),
    workflowId: optional(workflowId),
    workflowRunId: optional(runId),
    details:
      activity.details === undefined || activity.details === null
        ? null
        : storableText(canonicalJson(activity.details)),
    previousHash: end.hash,
  });
  await trx('activity_log').insert(toStored(row));
}

export function createActivityLog({ db }: { readonly db: RegistryDatabase }) {
  return {
    /** The model's audit, oldest first, under earlier names too. Empty for a model that is not there. */
    activityLog: (model: string): Promise<Activity[]> =>
      db.read(async (knex) => (await selectRowsOfModel(knex, model)).map(toActivity)),

    /** What happened behind a sequence, in every model, oldest first: a subscriber reads on from its cursor. */
    activitiesAfter: (sequence: number, limit: number): Promise<Activity[]> =>
      db.read(async (knex) => (await selectRowsAfter(knex, sequence, limit)).map(toActivity)),
  };
}

export function toActivity({ previousHash: _previous, hash: _hash, details, ...row }: AuditRow): Activity {
  return {
    ...row,
    action: row.action as ActivityAction,
    fromStage: row.fromStage as Stage | null,
    toStage: row.toStage as Stage | null,
    proof: row.proof as CallerProof,
    details: details === null ? null : (JSON.parse(details) as Record<string, unknown>),
  };
}
