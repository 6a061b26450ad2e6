import type { Knex } from 'knex';
import type { RegistryDatabase } from './database.ts';
import type { Stage } from './stages.ts';

/** What is written down; MLflow's activity types, and ours where it has none. */
export type ActivityAction =
  | 'REGISTERED_VERSION'
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
  | 'ROLLED_BACK'
  | 'NEW_COMMENT';

/** One line of the audit: who did what to which version, when, and on which evidence. Never changed, never deleted. */
export interface Activity {
  readonly at: string;
  readonly model: string;
  readonly version: number;
  readonly action: ActivityAction;
  readonly fromStage: Stage | null;
  readonly toStage: Stage | null;
  readonly by: string;
  readonly comment: string;
  readonly evidenceDigest: string | null;
  readonly workflowId: string | null;
}

export type ActivityInput = Pick<Activity, 'at' | 'model' | 'version' | 'action' | 'by'> & Partial<Activity>;

interface ActivityRow {
  readonly at: string;
  readonly model: string;
  readonly version: number;
  readonly action: ActivityAction;
  readonly from_stage: Stage | null;
  readonly to_stage: Stage | null;
  readonly done_by: string;
  readonly comment: string;
  readonly evidence_digest: string | null;
  readonly workflow_id: string | null;
}

/** Appends a line, in the transaction that did what it says. */
export async function writeActivity(trx: Knex, activity: ActivityInput): Promise<void> {
  await trx('activity_log').insert({
    at: activity.at,
    model: activity.model,
    version: activity.version,
    action: activity.action,
    from_stage: activity.fromStage ?? null,
    to_stage: activity.toStage ?? null,
    done_by: activity.by,
    comment: activity.comment ?? '',
    evidence_digest: activity.evidenceDigest ?? null,
    workflow_id: activity.workflowId ?? null,
  });
}

export function createActivityLog({ db }: { readonly db: RegistryDatabase }) {
  return {
    /** The model's audit, oldest first. Empty for a model that is not there. */
    activityLog: (model: string): Promise<Activity[]> =>
      db.read(async (knex) => {
        const rows = await knex('activity_log').where({ model }).orderBy('id').select<ActivityRow[]>('*');
        return rows.map((row) => ({
          at: row.at,
          model: row.model,
          version: row.version,
          action: row.action,
          fromStage: row.from_stage,
          toStage: row.to_stage,
          by: row.done_by,
          comment: row.comment,
          evidenceDigest: row.evidence_digest,
          workflowId: row.workflow_id,
        }));
      }),
  };
}
