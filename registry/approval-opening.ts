import type { Knex } from 'knex';
import { shiftInstant } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { GateBasis } from '../contracts/gate-basis.ts';
import { writeActivity } from './activity-log.ts';
import { findProduction, requireVersion } from './model-versions.ts';
import { completedResult, completeOperation, idFromKey } from './natural-keys.ts';
import {
  closeRequest,
  insertRequest,
  openAsked,
  requireRequest,
  selectRequests,
  selectUnanswered,
  type Closing,
  type TransitionRequest,
} from './open-requests.ts';
import { releaseLease } from './retraining-leases.ts';
import { archive } from './stage-moves.ts';
import { requireMove } from './stages.ts';
import type { VersionName } from './version-notes.ts';

export interface OpenApprovalInput extends VersionName {
  /** Names this asking on this evidence; asking again later is another key. */
  readonly naturalKey: string;
  readonly evidenceDigest: string;
  /** The Production version that the evidence compares with; null for none. */
  readonly expectedChampion: number | null;
  readonly workflowId: string;
  readonly requestedBy: string;
  /** By which rules the gate counts; kept with the request. Absent: whoever promotes has to say so. */
  readonly basis?: GateBasis;
  /** Holder of the retraining lease that ends here. */
  readonly releaseLeaseOf?: string;
  /** What people are told of the gate beside what this says, and after how long it expires. */
  readonly announce?: { readonly details: Readonly<Record<string, unknown>>; readonly expiresAfterMs: number };
}

/** A version that lost its gate, and the workflow to wake. */
export interface ClosedGate {
  readonly version: number;
  readonly workflowId: string;
}

/** An asking that left a request behind, open or closed at once. */
type AskedApproval =
  | {
      readonly outcome: 'open';
      readonly requestId: string;
      readonly superseded: readonly ClosedGate[];
      /** ISO instant. Gates of before do not say. */
      readonly openedAt?: string;
    }
  | { readonly outcome: 'superseded'; readonly requestId: string; readonly by: number };

export type OpenApprovalResult =
  | AskedApproval
  /** Nothing was changed: the evidence compares with another version than `champion`, which is in Production now. */
  | { readonly outcome: 'champion-changed'; readonly champion: number | null };

/**
 * Opens the approval gate of a version, in a transaction: see `createTransitionRequests`.
 *
 * @throws IllegalTransition, StaleDecision
 */
export async function openApproval(trx: Knex, input: OpenApprovalInput, at: string): Promise<OpenApprovalResult> {
  const { model, version: number, requestedBy: by } = input;
  const { key, known } = await presentAsking(trx, input);
  if (known !== undefined) return known;

  const version = await requireVersion(trx, model, number);
  requireMove('promotion', version, 'Production');
  const waiting = await selectRequests(trx, { model, to_stage: 'Production', status: 'open' });
  const newer = waiting.find((request) => request.version > number);
  if (newer === undefined) {
    // Whoever wakes the gates of a model when its champion changes finds only those that are open: a gate that opened
    // on stale ground afterwards would ask people about it until it expires.
    const champion = (await findProduction(trx, model))?.version ?? null;
    if (champion !== input.expectedChampion) return { outcome: 'champion-changed', champion };
  }
  if (input.releaseLeaseOf !== undefined) await releaseLease(trx, model, input.releaseLeaseOf, at);
  const comment = `replaced by a request with evidence ${input.evidenceDigest.slice(0, 12)}`;
  const unanswered = await selectUnanswered(trx, { model, version: number });
  const asked = unanswered.find((request) => request.status === 'asked' && request.toStage === 'Production');
  for (const request of unanswered) {
    if (request !== asked) await closeRequest(trx, request, { status: 'cancelled', by, comment, at });
  }
  // Whoever asked first stays the requester, however often the evidence is replaced.
  const asker = asked ?? unanswered.find((request) => request.toStage === 'Production');

  const older = waiting.filter((request) => request.version < number);
  for (const request of older) await supersede(trx, request, number, by, at);
  const requestId = await insertApproval(trx, { ...input, naturalKey: key }, { newer, asked, asker, at });
  const result: AskedApproval =
    newer === undefined
      ? { outcome: 'open', requestId, superseded: closedGates(older), openedAt: at }
      : { outcome: 'superseded', requestId, by: newer.version };
  return completeOperation(trx, 'openApproval', key, result, at);
}

/** Gates that closed, for waking their workflows. */
export function closedGates(requests: readonly TransitionRequest[]): ClosedGate[] {
  return requests.flatMap(({ version, workflowId }) => (workflowId === null ? [] : [{ version, workflowId }]));
}

/**
 * The answer that this asking already has, or the key for a new one: a version can be asked for again on the very same
 * evidence.
 */
async function presentAsking(
  trx: Knex,
  input: OpenApprovalInput,
): Promise<{ readonly key: string; readonly known?: AskedApproval }> {
  const { naturalKey, model, version } = input;
  let key = naturalKey;
  let last: { readonly request: TransitionRequest; readonly result: AskedApproval } | undefined;
  for (let asking = 2; ; asking++) {
    const result = await completedResult<AskedApproval>(trx, 'openApproval', key);
    if (result === undefined) break;
    last = { request: await requireRequest(trx, result.requestId), result };
    key = `${naturalKey}#${asking}`;
  }
  if (last === undefined) return { key };
  const { request, result } = last;
  if (request.status === 'open') return { key, known: result };
  if (await mayAskAgain(trx, input)) return { key };
  if (request.status === 'superseded') {
    const by = result.outcome === 'superseded' ? result.by : await newestAsking(trx, model);
    return { key, known: { outcome: 'superseded', requestId: request.id, by } };
  }
  throw new SuperstepError(
    'StaleDecision',
    `the approval of ${model} version ${version} on this evidence was closed as ${request.status} at ${request.closedAt ?? '?'}; expected it to be open; start promoteModel again to ask anew`,
    { requestId: request.id, status: request.status },
  );
}

/**
 * Whether a closed asking may begin anew: the version is back in Staging, and nothing of it waits, or only a request
 * that lost its ground when the champion of this asking came back. A late repetition by a zombie meets neither.
 */
async function mayAskAgain(trx: Knex, { model, version, expectedChampion }: OpenApprovalInput): Promise<boolean> {
  if ((await requireVersion(trx, model, version)).stage !== 'Staging') return false;
  const champion = (await findProduction(trx, model))?.version ?? null;
  const waiting = await selectRequests(trx, { model, version, to_stage: 'Production', status: 'open' });
  return waiting.every((request) => request.expectedChampion !== champion && expectedChampion === champion);
}

async function newestAsking(trx: Knex, model: string): Promise<number> {
  const requests = await selectRequests(trx, { model, to_stage: 'Production' });
  return Math.max(...requests.map((request) => request.version));
}

interface AskedBefore {
  /** The gate of a newer version, which waits. */
  readonly newer: TransitionRequest | undefined;
  /** A request that somebody made before the gate could open: it becomes this one. */
  readonly asked: TransitionRequest | undefined;
  /** The request whose requester this one inherits. */
  readonly asker: TransitionRequest | undefined;
  readonly at: string;
}

/** Opens the request; when a newer version waits, it is closed at once, and its version is archived. */
async function insertApproval(
  trx: Knex,
  input: OpenApprovalInput,
  { newer, asked, asker, at }: AskedBefore,
): Promise<string> {
  const { naturalKey, model, version, evidenceDigest, expectedChampion, workflowId } = input;
  const ground = { evidenceDigest, expectedChampion, workflowId, basis: input.basis ?? null };
  const requestedBy = asker?.requestedBy ?? input.requestedBy;
  const id = asked?.id ?? idFromKey('request', naturalKey);
  const closing = newer === undefined ? undefined : supersession(newer.version, requestedBy, at);
  if (asked === undefined) {
    const said = asker === undefined ? {} : { requestedProof: asker.requestedProof, comment: asker.comment };
    const request = { id, naturalKey, model, version, toStage: 'Production' as const, requestedBy, createdAt: at };
    await insertRequest(trx, { ...request, ...said, ...ground }, closing);
  } else {
    await openAsked(trx, asked, ground, closing);
  }
  if (closing !== undefined) await archiveCandidate(trx, { id, model, version, ...ground }, closing);
  else await announceGate(trx, input, id, at);
  return id;
}

/** Tells whoever listens to the audit that a gate waits, on what, by which rules and until when. */
async function announceGate(trx: Knex, input: OpenApprovalInput, requestId: string, at: string): Promise<void> {
  const { model, version, evidenceDigest, workflowId, announce, basis } = input;
  const told = announce === undefined ? {} : { ...announce.details, until: shiftInstant(at, announce.expiresAfterMs) };
  await writeActivity(trx, {
    ...{ at, model, version, evidenceDigest, workflowId },
    action: 'GATE_OPENED',
    toStage: 'Production',
    by: 'superstep',
    details: { requestId, ...(basis === undefined ? {} : { basis }), ...told },
  });
}

export interface GateClosing extends Closing {
  readonly reason: string;
}

function supersession(newer: number, by: string, at: string): GateClosing {
  const comment = `version ${newer} passed its comparison and asks for Production`;
  return { status: 'superseded', reason: 'superseded', by, comment, at };
}

async function supersede(trx: Knex, request: TransitionRequest, newer: number, by: string, at: string): Promise<void> {
  await closeGate(trx, request, supersession(newer, by, at));
}

/** Closes a gate without promotion: its version is archived, with the reason in tag and comment. */
export async function closeGate(trx: Knex, request: TransitionRequest, closing: GateClosing): Promise<void> {
  await closeRequest(trx, request, closing);
  await archiveCandidate(trx, request, closing);
}

async function archiveCandidate(
  trx: Knex,
  request: Pick<TransitionRequest, 'id' | 'model' | 'version' | 'evidenceDigest' | 'workflowId'>,
  { reason, by, comment, at }: GateClosing,
): Promise<void> {
  await archive(trx, {
    version: await requireVersion(trx, request.model, request.version),
    cause: 'gate',
    action: 'SYSTEM_TRANSITION',
    by,
    comment,
    reason,
    evidenceDigest: request.evidenceDigest,
    workflowId: request.workflowId,
    at,
    commentKey: `close/${request.id}`,
  });
}
