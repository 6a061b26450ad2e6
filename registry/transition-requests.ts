import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { RegistryDatabase } from './database.ts';
import type { CallerProof } from './identity/caller.ts';
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

export interface RequestTransitionInput extends VersionName {
  /** Names this asking; asking again later is another key. */
  readonly naturalKey: string;
  /** Production is asked for by `openApproval`. */
  readonly to: 'Staging' | 'Archived';
  readonly requestedBy: string;
  readonly evidenceDigest?: string;
  readonly workflowId?: string;
}

export interface OpenApprovalInput extends VersionName {
  /** Names this asking on this evidence; asking again later is another key. */
  readonly naturalKey: string;
  readonly evidenceDigest: string;
  /** The Production version that the evidence compares with; null for none. */
  readonly expectedChampion: number | null;
  readonly workflowId: string;
  readonly requestedBy: string;
  /** Holder of the retraining lease that ends here. */
  readonly releaseLeaseOf?: string;
}

/** A version that lost its gate, and the workflow to wake. */
export interface ClosedGate {
  readonly version: number;
  readonly workflowId: string;
}

/** An asking that left a request behind, open or closed at once. */
type AskedApproval =
  | { readonly outcome: 'open'; readonly requestId: string; readonly superseded: readonly ClosedGate[] }
  | { readonly outcome: 'superseded'; readonly requestId: string; readonly by: number };

export type OpenApprovalResult =
  | AskedApproval
  /** Nothing was changed: the evidence compares with another version than `champion`, which is in Production now. */
  | { readonly outcome: 'champion-changed'; readonly champion: number | null };

export interface CloseApprovalInput {
  readonly requestId: string;
  readonly outcome: 'rejected' | 'expired' | 'superseded' | 'failed-comparison' | 'cancelled';
  readonly by: string;
  /** How whoever closes it showed who it is. */
  readonly proof?: CallerProof;
  readonly comment: string;
}

/** A gate that waits. */
export interface OpenApproval {
  readonly requestId: string;
  readonly version: number;
  readonly workflowId: string;
  readonly evidenceDigest: string | null;
}

interface RequestDeps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Requests for a stage, and the approval gate, which is the open request for Production. */
export function createTransitionRequests({ db, now }: RequestDeps) {
  return {
    /** Asks for a stage. One request per version and stage is open at a time: a second key finds the open one. */
    requestTransition: (input: RequestTransitionInput): Promise<TransitionRequest> =>
      db.write(async (trx) => {
        const { model, version, to } = input;
        const { key, known } = await presentKey(trx, input);
        if (known !== undefined) return known;
        requireMove('gate', await requireVersion(trx, model, version), to);
        const [open] = await selectRequests(trx, { model, version, to_stage: to, status: 'open' });
        if (open !== undefined) return open;
        const id = idFromKey('request', key);
        await insertRequest(trx, {
          id,
          naturalKey: key,
          model,
          version,
          toStage: to,
          requestedBy: input.requestedBy,
          evidenceDigest: input.evidenceDigest ?? null,
          expectedChampion: null,
          workflowId: input.workflowId ?? null,
          createdAt: now().toISOString(),
        });
        return requireRequest(trx, id);
      }),

    /**
     * Opens the approval gate of a version in Staging and, in the same transaction, archives every older version that
     * waits at its gate, and ends the retraining lease. When a newer version waits already, it is this one that is
     * superseded. New evidence for a version replaces its open request, and with that its decisions lapse. Evidence
     * against another champion than the present one opens nothing and changes nothing.
     *
     * @throws IllegalTransition when the version is not in Staging
     * @throws StaleDecision when this very asking was closed before
     */
    openApproval: (input: OpenApprovalInput): Promise<OpenApprovalResult> =>
      db.write((trx) => openApproval(trx, input, now().toISOString())),

    /**
     * Closes an approval gate without promotion: the version is archived, with the outcome in tag and comment. A gate
     * that is closed stays as it is; read from the answer's `status` how it was closed.
     */
    closeApproval: ({ requestId, outcome, by, proof, comment }: CloseApprovalInput): Promise<TransitionRequest> =>
      db.write(async (trx) => {
        const request = await requireRequest(trx, requestId);
        if (request.status !== 'open') return request;
        const at = now().toISOString();
        const status = outcome === 'failed-comparison' ? 'cancelled' : outcome;
        await closeGate(trx, request, {
          status,
          reason: outcome,
          by,
          comment,
          at,
          ...(proof === undefined ? {} : { proof }),
        });
        return requireRequest(trx, requestId);
      }),

    /** Gates of a model that wait, oldest version first: those to wake when its champion changes. */
    openApprovals: (model: string): Promise<OpenApproval[]> =>
      db.read(async (knex) => {
        const open = await selectRequests(knex, { model, to_stage: 'Production', status: 'open' });
        return open.map(({ id, version, workflowId, evidenceDigest }) => ({
          requestId: id,
          version,
          workflowId: workflowId ?? '',
          evidenceDigest,
        }));
      }),

    /** @throws InvalidInput when there is no such request */
    getTransitionRequest: (requestId: string): Promise<TransitionRequest> =>
      db.read((knex) => requireRequest(knex, requestId)),

    /** All requests of a version, oldest first. */
    transitionRequests: (model: string, version: number): Promise<TransitionRequest[]> =>
      db.read((knex) => selectRequests(knex, { model, version })),
  };
}

/** The request that has this key, or the key for a new one: a model of the same name may have had it before. */
async function presentKey(
  trx: Knex,
  { naturalKey, model }: RequestTransitionInput,
): Promise<{ readonly key: string; readonly known?: TransitionRequest }> {
  let key = naturalKey;
  for (let bearer = 2; ; bearer++) {
    const [known] = await selectRequests(trx, { natural_key: key });
    if (known === undefined) return { key };
    if (known.model === model) return { key, known };
    key = `${naturalKey}#${bearer}`;
  }
}

async function openApproval(trx: Knex, input: OpenApprovalInput, at: string): Promise<OpenApprovalResult> {
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
      ? { outcome: 'open', requestId, superseded: closedGates(older) }
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
  const ground = { evidenceDigest, expectedChampion, workflowId };
  const requestedBy = asker?.requestedBy ?? input.requestedBy;
  const id = asked?.id ?? idFromKey('request', naturalKey);
  const closing = newer === undefined ? undefined : supersession(newer.version, requestedBy, at);
  if (asked === undefined) {
    const said = asker === undefined ? {} : { requestedProof: asker.requestedProof, comment: asker.comment };
    const request = { id, naturalKey, model, version, toStage: 'Production' as const, requestedBy, createdAt: at };
    await insertRequest(trx, { ...request, ...said, ...ground }, closing);
  } else {
    await openAsked(trx, asked, ground, closing ?? { at });
  }
  if (closing !== undefined) await archiveCandidate(trx, { id, model, version, ...ground }, closing);
  return id;
}

interface GateClosing extends Closing {
  readonly reason: string;
}

function supersession(newer: number, by: string, at: string): GateClosing {
  const comment = `version ${newer} passed its comparison and asks for Production`;
  return { status: 'superseded', reason: 'superseded', by, comment, at };
}

async function supersede(trx: Knex, request: TransitionRequest, newer: number, by: string, at: string): Promise<void> {
  await closeGate(trx, request, supersession(newer, by, at));
}

async function closeGate(trx: Knex, request: TransitionRequest, closing: GateClosing): Promise<void> {
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
