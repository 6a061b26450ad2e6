import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import { writeActivity, type ActivityAction } from './activity-log.ts';
import type { Stage } from './stages.ts';
import type { VersionName } from './version-notes.ts';

export type RequestStatus = 'open' | 'approved' | 'rejected' | 'expired' | 'superseded' | 'cancelled';

/** A request to move a version to a stage; the one for Production is the approval gate. */
export interface TransitionRequest {
  readonly id: string;
  readonly naturalKey: string;
  readonly model: string;
  readonly version: number;
  readonly toStage: Stage;
  readonly status: RequestStatus;
  readonly requestedBy: string;
  readonly evidenceDigest: string | null;
  /** The Production version that the evidence compares with; null for none. */
  readonly expectedChampion: number | null;
  readonly workflowId: string | null;
  readonly createdAt: string;
  readonly closedAt: string | null;
  readonly closedBy: string | null;
  readonly closingComment: string | null;
}

interface RequestRow {
  readonly id: string;
  readonly natural_key: string;
  readonly model: string;
  readonly version: number;
  readonly to_stage: Stage;
  readonly status: RequestStatus;
  readonly requested_by: string;
  readonly evidence_digest: string | null;
  readonly expected_champion: number | null;
  readonly workflow_id: string | null;
  readonly created_at: string;
  readonly closed_at: string | null;
  readonly closed_by: string | null;
  readonly closing_comment: string | null;
}

export interface Closing {
  readonly status: Exclude<RequestStatus, 'open'>;
  readonly by: string;
  readonly comment: string;
  readonly at: string;
}

const CLOSING_ACTIONS: Readonly<Record<Closing['status'], ActivityAction>> = {
  approved: 'APPROVED_REQUEST',
  rejected: 'REJECTED_REQUEST',
  expired: 'EXPIRED_REQUEST',
  superseded: 'SUPERSEDED_REQUEST',
  cancelled: 'CANCELLED_REQUEST',
};

/** Requests that match, oldest first. */
export async function selectRequests(
  knex: Knex,
  where: Partial<Pick<RequestRow, 'id' | 'natural_key' | 'model' | 'version' | 'to_stage' | 'status'>>,
): Promise<TransitionRequest[]> {
  const rows = await knex('transition_requests').where(where).orderBy('sequence').select<RequestRow[]>('*');
  return rows.map((row) => ({
    id: row.id,
    naturalKey: row.natural_key,
    model: row.model,
    version: row.version,
    toStage: row.to_stage,
    status: row.status,
    requestedBy: row.requested_by,
    evidenceDigest: row.evidence_digest,
    expectedChampion: row.expected_champion,
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    closedAt: row.closed_at,
    closedBy: row.closed_by,
    closingComment: row.closing_comment,
  }));
}

/** @throws InvalidInput when there is no such request */
export async function requireRequest(knex: Knex, id: string): Promise<TransitionRequest> {
  const [request] = await selectRequests(knex, { id });
  if (request !== undefined) return request;
  throw new SuperstepError(
    'InvalidInput',
    `there is no transition request "${id}"; expected an id that the registry gave out`,
    {
      requestId: id,
    },
  );
}

/** Inserts a request and logs it: open, or closed at once when it comes too late. */
export async function insertRequest(
  trx: Knex,
  request: Omit<TransitionRequest, 'closedAt' | 'closedBy' | 'closingComment' | 'status'>,
  closing?: Closing,
): Promise<void> {
  const { id, model, version, toStage, evidenceDigest, workflowId } = request;
  await trx('transition_requests').insert({
    id,
    natural_key: request.naturalKey,
    model,
    version,
    to_stage: toStage,
    status: closing?.status ?? 'open',
    requested_by: request.requestedBy,
    evidence_digest: evidenceDigest,
    expected_champion: request.expectedChampion,
    workflow_id: workflowId,
    created_at: request.createdAt,
    closed_at: closing?.at ?? null,
    closed_by: closing?.by ?? null,
    closing_comment: closing?.comment ?? null,
  });
  const by = request.requestedBy;
  const activity = { at: request.createdAt, model, version, toStage, by, evidenceDigest, workflowId };
  await writeActivity(trx, { ...activity, action: 'REQUESTED_TRANSITION' });
  if (closing !== undefined) await logClosing(trx, request, closing);
}

/** Closes an open request and logs it; a closed one stays as it is. */
export async function closeRequest(trx: Knex, request: TransitionRequest, closing: Closing): Promise<void> {
  const changed = await trx('transition_requests').where({ id: request.id, status: 'open' }).update({
    status: closing.status,
    closed_at: closing.at,
    closed_by: closing.by,
    closing_comment: closing.comment,
  });
  if (changed > 0) await logClosing(trx, request, closing);
}

async function logClosing(
  trx: Knex,
  request: Pick<TransitionRequest, 'model' | 'version' | 'toStage' | 'evidenceDigest' | 'workflowId'>,
  closing: Closing,
): Promise<void> {
  await writeActivity(trx, {
    at: closing.at,
    model: request.model,
    version: request.version,
    action: CLOSING_ACTIONS[closing.status],
    toStage: request.toStage,
    by: closing.by,
    comment: closing.comment,
    evidenceDigest: request.evidenceDigest,
    workflowId: request.workflowId,
  });
}

/** Closes whatever a version has open; answers what that was. */
export async function closeOpenRequests(
  trx: Knex,
  { model, version }: VersionName,
  closing: Closing,
): Promise<TransitionRequest[]> {
  const open = await selectRequests(trx, { model, version, status: 'open' });
  for (const request of open) await closeRequest(trx, request, closing);
  return open;
}
