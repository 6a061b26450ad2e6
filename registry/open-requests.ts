import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { GateBasis } from '../contracts/gate-basis.ts';
import { writeActivity, type ActivityAction } from './activity-log.ts';
import { canonicalJson } from './canonical-json.ts';
import type { CallerProof } from './identity/caller.ts';
import type { Stage } from './stages.ts';
import type { VersionName } from './version-notes.ts';

/** `asked` is a wish for Production whose gate is not open yet; opening the gate makes it `open`, with its evidence. */
export type RequestStatus = 'asked' | 'open' | 'approved' | 'rejected' | 'expired' | 'superseded' | 'cancelled';

/** A request to move a version to a stage; the open one for Production is the approval gate. */
export interface TransitionRequest {
  readonly id: string;
  readonly naturalKey: string;
  readonly model: string;
  readonly version: number;
  readonly toStage: Stage;
  readonly status: RequestStatus;
  readonly requestedBy: string;
  /** How the requester showed who it is. */
  readonly requestedProof: CallerProof;
  readonly comment: string;
  readonly evidenceDigest: string | null;
  /** The Production version that the evidence compares with; null for none. */
  readonly expectedChampion: number | null;
  readonly workflowId: string | null;
  /** By which rules the gate counts; null while none is open, and for gates that earlier versions opened. */
  readonly basis: GateBasis | null;
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
  readonly requested_proof: CallerProof | null;
  readonly comment: string | null;
  readonly evidence_digest: string | null;
  readonly expected_champion: number | null;
  readonly workflow_id: string | null;
  readonly basis: string | null;
  readonly created_at: string;
  readonly closed_at: string | null;
  readonly closed_by: string | null;
  readonly closing_comment: string | null;
}

export interface Closing {
  readonly status: Exclude<RequestStatus, 'asked' | 'open'>;
  readonly by: string;
  readonly proof?: CallerProof;
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

type RequestMatch = Partial<Pick<RequestRow, 'id' | 'natural_key' | 'model' | 'version' | 'to_stage' | 'status'>>;

/** Requests that match, oldest first. */
export async function selectRequests(knex: Knex, where: RequestMatch): Promise<TransitionRequest[]> {
  const rows = await knex('transition_requests').where(where).orderBy('sequence').select<RequestRow[]>('*');
  return rows.map((row) => ({
    id: row.id,
    naturalKey: row.natural_key,
    model: row.model,
    version: row.version,
    toStage: row.to_stage,
    status: row.status,
    requestedBy: row.requested_by,
    requestedProof: row.requested_proof ?? 'claimed',
    comment: row.comment ?? '',
    evidenceDigest: row.evidence_digest,
    expectedChampion: row.expected_champion,
    workflowId: row.workflow_id,
    basis: row.basis === null ? null : (JSON.parse(row.basis) as GateBasis),
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

/** Requests of a version that nobody has answered yet, oldest first. */
export async function selectUnanswered(knex: Knex, { model, version }: VersionName): Promise<TransitionRequest[]> {
  const requests = await selectRequests(knex, { model, version });
  return requests.filter((request) => request.status === 'open' || request.status === 'asked');
}

export type NewRequest = Omit<
  TransitionRequest,
  'closedAt' | 'closedBy' | 'closingComment' | 'status' | 'requestedProof' | 'comment' | 'basis'
> &
  Partial<Pick<TransitionRequest, 'requestedProof' | 'comment' | 'basis'>>;

/** Inserts a request and logs it: open or only asked, or closed at once when it comes too late. */
export async function insertRequest(
  trx: Knex,
  request: NewRequest,
  state: Closing | 'open' | 'asked' = 'open',
): Promise<void> {
  const { id, model, version, toStage, evidenceDigest, workflowId, requestedProof, comment } = request;
  const closing = typeof state === 'string' ? undefined : state;
  await trx('transition_requests').insert({
    id,
    natural_key: request.naturalKey,
    model,
    version,
    to_stage: toStage,
    status: typeof state === 'string' ? state : state.status,
    requested_by: request.requestedBy,
    ...(requestedProof === undefined ? {} : { requested_proof: requestedProof }),
    ...(comment === undefined ? {} : { comment }),
    evidence_digest: evidenceDigest,
    expected_champion: request.expectedChampion,
    workflow_id: workflowId,
    basis: basisText(request.basis),
    created_at: request.createdAt,
    closed_at: closing?.at ?? null,
    closed_by: closing?.by ?? null,
    closing_comment: closing?.comment ?? null,
  });
  const by = request.requestedBy;
  const { stage } = await trx('model_versions').where({ model, version }).first<{ stage: Stage }>('stage');
  const activity = { at: request.createdAt, model, version, toStage, by, evidenceDigest, workflowId };
  const said = { proof: requestedProof ?? ('claimed' as const), comment: comment ?? '' };
  // Not as the act's own stages: nothing has moved.
  await writeActivity(trx, { ...activity, ...said, action: 'REQUESTED_TRANSITION', details: { fromStage: stage } });
  if (closing !== undefined) await logClosing(trx, request, closing);
}

/** Opens the gate of a request that was asked before, on evidence; or closes it at once, when it comes too late. */
export async function openAsked(
  trx: Knex,
  asked: TransitionRequest,
  ground: Pick<TransitionRequest, 'evidenceDigest' | 'expectedChampion' | 'workflowId' | 'basis'>,
  closing: Closing | undefined,
): Promise<void> {
  const { id } = asked;
  const { evidenceDigest, expectedChampion, workflowId } = ground;
  await trx('transition_requests')
    .where({ id })
    .update({
      ...(closing === undefined ? { status: 'open' } : {}),
      evidence_digest: evidenceDigest,
      expected_champion: expectedChampion,
      workflow_id: workflowId,
      basis: basisText(ground.basis),
    });
  if (closing !== undefined) await closeRequest(trx, { ...asked, ...ground }, closing);
}

function basisText(basis: GateBasis | null | undefined): string | null {
  return basis === null || basis === undefined ? null : canonicalJson(basis);
}

/** Closes an unanswered request and logs it; a closed one stays as it is. */
export async function closeRequest(trx: Knex, request: TransitionRequest, closing: Closing): Promise<void> {
  const unanswered = trx('transition_requests').where({ id: request.id }).whereIn('status', ['open', 'asked']);
  const changed = await unanswered.update({
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
    ...(closing.proof === undefined ? {} : { proof: closing.proof }),
  });
}

/** Closes whatever a version has unanswered; answers what that was. */
export async function closeOpenRequests(
  trx: Knex,
  version: VersionName,
  closing: Closing,
): Promise<TransitionRequest[]> {
  const open = await selectUnanswered(trx, version);
  for (const request of open) await closeRequest(trx, request, closing);
  return open;
}

/** The workflows behind requests: those to wake when the requests are closed by another hand. */
export function workflowsOf(requests: readonly TransitionRequest[]): string[] {
  return requests.flatMap(({ workflowId }) => (workflowId === null ? [] : [workflowId]));
}
