import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { requireRight } from '../api/require-right.ts';
import type { RegistryDatabase } from '../database.ts';
import type { Caller } from '../identity/caller.ts';
import { requireVersion } from '../model-versions.ts';
import { idFromKey } from '../natural-keys.ts';
import {
  closeRequest,
  insertRequest,
  requireRequest,
  selectRequests,
  selectUnanswered,
  type TransitionRequest,
} from '../open-requests.ts';
import { requireMove, type Stage } from '../stages.ts';
import type { VersionName } from '../version-notes.ts';
import { actor, rightToMove, type Act } from './act.ts';
import { transition, type TransitionByHand } from './moves-by-hand.ts';

export interface AskInput extends VersionName {
  readonly to: Stage;
  readonly comment: string;
}

/** A request and the stage that its version is in. */
export interface AskedTransition {
  readonly request: TransitionRequest;
  readonly from: Stage;
}

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Requests that people make and answer through registry clients. */
export function createAskedTransitions({ db, now }: Deps) {
  return {
    /**
     * Asks for a stage. Of a version and stage one request waits at a time: whoever asks again finds it. One for
     * Production is only `asked` until its gate opens on evidence.
     *
     * @throws NotAuthorized for a caller who may not contribute to the model: a request starts work and moves versions
     * @throws IllegalTransition for a version in Production that asks for a gate, or one that is there already
     */
    askTransition: (input: AskInput, caller: Caller): Promise<AskedTransition> =>
      db.write((trx) => ask(trx, input, caller, now())),

    /** Binds a request to the workflow that was started for it; one that has a workflow keeps it. */
    linkPromotion: (requestId: string, workflowId: string): Promise<TransitionRequest> =>
      db.write(async (trx) => {
        await trx('transition_requests')
          .where({ id: requestId })
          .whereNull('workflow_id')
          .update({ workflow_id: workflowId });
        return requireRequest(trx, requestId);
      }),

    /** Requests of a version that wait for an answer, oldest first. @throws UnknownModel */
    waitingRequests: (name: VersionName): Promise<readonly AskedTransition[]> =>
      db.read(async (knex) => {
        const { stage: from } = await requireVersion(knex, name.model, name.version);
        return (await selectUnanswered(knex, name)).map((request) => ({ request, from }));
      }),

    /** How far a promotion has come that was asked for, in one word of the gates. */
    phaseOfAsked: (request: TransitionRequest): Promise<'compliance' | 'comparison'> =>
      db.read((knex) => phaseOf(knex, request)),

    /** Approves a request for Archived or None: the move by hand that was asked for. */
    approveByHand: (request: TransitionRequest, comment: string, act: Act): Promise<TransitionByHand> =>
      db.write(async (trx) => {
        const { model, version, toStage: to } = await requireUnanswered(trx, request);
        return transition(trx, { model, version, to, archiveExisting: false, comment }, act, now().toISOString());
      }),

    /** Rejects a request that has no gate. */
    rejectByHand: (request: TransitionRequest, comment: string, act: Act): Promise<void> =>
      db.write(async (trx) => {
        const { model, version, toStage } = await requireUnanswered(trx, request);
        const { stage } = await requireVersion(trx, model, version);
        requireRight(act.caller, rightToMove(stage, toStage), model);
        await closeRequest(trx, request, { status: 'rejected', ...actor(act), comment, at: now().toISOString() });
      }),

    /** Takes back a request whose gate is not open. @throws StaleDecision when it was answered or opened meanwhile */
    withdrawAsked: (asked: TransitionRequest, comment: string, act: Act): Promise<void> =>
      db.write(async (trx) => {
        const request = await requireUnanswered(trx, asked);
        if (request.toStage === 'Production' && request.status === 'open') throw openedMeanwhile(request);
        await closeRequest(trx, request, { status: 'cancelled', ...actor(act), comment, at: now().toISOString() });
      }),
  };
}

async function ask(
  trx: Knex,
  { model, version: number, to, comment }: AskInput,
  caller: Caller,
  at: Date,
): Promise<AskedTransition> {
  requireRight(caller, 'contribute', model);
  const version = await requireVersion(trx, model, number);
  const waiting = (await selectUnanswered(trx, version)).find((request) => request.toStage === to);
  if (waiting !== undefined) return { request: waiting, from: version.stage };
  if (to === 'Production' || to === 'Staging') requireMove('gate', version, 'Staging');
  else if (version.stage === to) throw alreadyThere(version, to);
  const before = await selectRequests(trx, { model, version: number, to_stage: to });
  // With its time: a model of the same name may have asked before.
  const naturalKey = `asked/${model}/${number}/${to}/${before.length + 1}/${at.getTime()}`;
  const request = {
    id: idFromKey('request', naturalKey),
    naturalKey,
    model,
    version: number,
    toStage: to,
    requestedBy: caller.name,
    requestedProof: caller.proof,
    comment,
    evidenceDigest: null,
    expectedChampion: null,
    workflowId: null,
    createdAt: at.toISOString(),
  };
  await insertRequest(trx, request, to === 'Production' ? 'asked' : 'open');
  return { request: await requireRequest(trx, request.id), from: version.stage };
}

/** @throws NotAuthorized for a caller who neither made the request nor decides on its stage */
export function requireMayCancel({ requestedBy, model, toStage }: TransitionRequest, caller: Caller): void {
  if (requestedBy === caller.name) return;
  requireRight(caller, rightToMove('None', toStage), model);
}

/** @throws StaleDecision when it was answered meanwhile */
async function requireUnanswered(trx: Knex, { id }: TransitionRequest): Promise<TransitionRequest> {
  const request = await requireRequest(trx, id);
  if (request.status === 'open' || request.status === 'asked') return request;
  throw new SuperstepError(
    'StaleDecision',
    `the request was closed meanwhile: ${request.status} by ${request.closedBy ?? 'nobody'}`,
    {
      requestId: id,
      status: request.status,
    },
  );
}

/** Closed like a mere wish, a gate would leave its version in Staging and its workflow waiting. */
function openedMeanwhile({ id, model, version }: TransitionRequest): SuperstepError {
  return new SuperstepError(
    'StaleDecision',
    `the gate of ${model} version ${version} opened meanwhile; take the request back again to close it`,
    { requestId: id },
  );
}

async function phaseOf(
  knex: Knex,
  { model, version, createdAt }: TransitionRequest,
): Promise<'compliance' | 'comparison'> {
  const gates = (await knex('gate_results')
    .where({ model, version })
    .where('recorded_at', '>=', createdAt)
    .pluck('gate')) as string[];
  return gates.includes('compliance') ? 'comparison' : 'compliance';
}

function alreadyThere({ model, version }: VersionName, to: Stage): SuperstepError {
  return new SuperstepError('IllegalTransition', `${model} version ${version} is in ${to} already`, {
    model,
    version,
    to,
  });
}
