import type { Knex } from 'knex';
import type { RegistryDatabase } from '../database.ts';
import { GENESIS_HASH, type AuditRow } from './chain.ts';

const ROWS_AT_ONCE = 2000;

/** The table's row as the database has it. */
export interface StoredAuditRow {
  readonly id: number;
  readonly at: string;
  readonly model: string;
  readonly version: number;
  readonly action: string;
  readonly from_stage: string | null;
  readonly to_stage: string | null;
  readonly done_by: string;
  readonly proof: string;
  readonly comment: string;
  readonly evidence_digest: string | null;
  readonly workflow_id: string | null;
  readonly workflow_run_id: string | null;
  readonly details: string | null;
  readonly previous_hash: string;
  readonly hash: string;
}

export function fromStored(row: StoredAuditRow): AuditRow {
  return {
    sequence: Number(row.id),
    at: row.at,
    model: row.model,
    version: Number(row.version),
    action: row.action,
    fromStage: row.from_stage,
    toStage: row.to_stage,
    by: row.done_by,
    proof: row.proof,
    comment: row.comment,
    evidenceDigest: row.evidence_digest,
    workflowId: row.workflow_id,
    workflowRunId: row.workflow_run_id,
    details: row.details,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

export function toStored(row: AuditRow): StoredAuditRow {
  return {
    id: row.sequence,
    at: row.at,
    model: row.model,
    version: row.version,
    action: row.action,
    from_stage: row.fromStage,
    to_stage: row.toStage,
    done_by: row.by,
    proof: row.proof,
    comment: row.comment,
    evidence_digest: row.evidenceDigest,
    workflow_id: row.workflowId,
    workflow_run_id: row.workflowRunId,
    details: row.details,
    previous_hash: row.previousHash,
    hash: row.hash,
  };
}

/** Where a chain stands: sequence and hash of its last row; 0 and {@link GENESIS_HASH} for an empty one. */
export interface ChainEnd {
  readonly sequence: number;
  readonly hash: string;
}

export async function selectChainEnd(knex: Knex): Promise<ChainEnd> {
  const last = await knex('activity_log')
    .orderBy('id', 'desc')
    .first<Pick<StoredAuditRow, 'id' | 'hash'> | undefined>('id', 'hash');
  return last === undefined ? { sequence: 0, hash: GENESIS_HASH } : { sequence: Number(last.id), hash: last.hash };
}

/** At most `limit` rows behind a sequence, in order. */
export async function selectRowsAfter(knex: Knex, sequence: number, limit: number): Promise<AuditRow[]> {
  const rows = await knex('activity_log')
    // Wider than the column: a cursor may stand before every number that it holds.
    .whereRaw('id > cast(? as bigint)', [sequence])
    .orderBy('id')
    .limit(limit)
    .select<StoredAuditRow[]>('*');
  return rows.map(fromStored);
}

/** Every row, in order, a page at a time: as many as there are when the last page is read. */
export async function* streamRows(db: RegistryDatabase): AsyncGenerator<AuditRow> {
  // Whoever owns the database may have put rows below 1, too.
  let last = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const from = last;
    const rows = await db.read((knex) => selectRowsAfter(knex, from, ROWS_AT_ONCE));
    yield* rows;
    last = rows.at(-1)?.sequence ?? last;
    if (rows.length < ROWS_AT_ONCE) return;
  }
}
