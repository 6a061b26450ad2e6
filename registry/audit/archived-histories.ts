import type { Knex } from 'knex';
import type { ArtifactRef } from '../../contracts/references.ts';
import { writeActivity } from '../activity-log.ts';
import type { RegistryDatabase } from '../database.ts';
import type { AuditRow } from './chain.ts';

export interface ArchivedHistory {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly status: string;
  readonly model: string;
  readonly version: number;
  readonly history: ArtifactRef;
}

/** Histories of closed runs, kept as artifacts: their digests stand in the audit, so no other can take their place. */
export function createArchivedHistories({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /** Run ids whose history is kept. */
    archivedRuns: (): Promise<ReadonlySet<string>> =>
      db.read(async (knex) => {
        const ids = await archived(knex).pluck('workflow_run_id');
        return new Set(ids as string[]);
      }),

    /** Notes a stored history in the audit, once per run. */
    recordHistory: ({ workflowId, runId, type, status, model, version, history }: ArchivedHistory): Promise<void> =>
      db.write(async (trx) => {
        if ((await archived(trx).where({ workflow_run_id: runId }).first('id')) !== undefined) return;
        await writeActivity(trx, {
          at: now().toISOString(),
          model,
          version,
          action: 'ARCHIVED_HISTORY',
          by: 'superstep',
          comment: `${type} ${workflowId} ended: ${status}`,
          workflowId,
          workflowRunId: runId,
          details: { type, status, history },
        });
      }),
  };
}

/** What a row of the audit says of a kept history; undefined for rows of other acts. */
export function archivedHistoryOf(row: AuditRow): ArchivedHistory | undefined {
  if (row.action !== 'ARCHIVED_HISTORY' || row.details === null) return undefined;
  const { type, status, history } = JSON.parse(row.details) as Pick<ArchivedHistory, 'type' | 'status' | 'history'>;
  const { workflowId, workflowRunId, model, version } = row;
  return { workflowId: workflowId ?? '', runId: workflowRunId ?? '', type, status, model, version, history };
}

function archived(knex: Knex): Knex.QueryBuilder {
  return knex('activity_log').where({ action: 'ARCHIVED_HISTORY' });
}
