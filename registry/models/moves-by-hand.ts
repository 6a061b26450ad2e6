import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RegistryDatabase } from '../database.ts';
import { requireVersion, type ModelVersion } from '../model-versions.ts';
import {
  closeRequest,
  selectRequests,
  selectUnanswered,
  workflowsOf,
  type TransitionRequest,
} from '../open-requests.ts';
import { beginStay, endStay } from '../production-history.ts';
import { moveStage } from '../stage-moves.ts';
import type { Stage } from '../stages.ts';
import type { VersionName } from '../version-notes.ts';
import { requireRight } from '../api/require-right.ts';
import { actor, passGuard, rightToMove, type Act, type Passed } from './act.ts';

export interface TransitionInput extends VersionName {
  readonly to: Stage;
  /** Whether all other versions of the target stage go to Archived. Into Production they always do: it has one place. */
  readonly archiveExisting: boolean;
  readonly comment: string;
}

export interface TransitionByHand {
  readonly from: Stage;
  readonly to: Stage;
  readonly at: string;
  /** Workflows whose gate closed, or whose champion changed. */
  readonly wake: readonly string[];
}

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

export function createMovesByHand({ db, now }: Deps) {
  return {
    /**
     * Moves a version without a gate, in one transaction, if the guard of side doors lets it.
     *
     * @throws NotAuthorized for a caller without the right over both stages, or a change that must go through a gate
     * @throws InvalidInput for archiving what is in None or Archived
     */
    transitionByHand: (input: TransitionInput, act: Act): Promise<TransitionByHand> =>
      db.write((trx) => transition(trx, input, act, now().toISOString())),
  };
}

/** @see createMovesByHand, for a transaction that does more. */
export async function transition(trx: Knex, input: TransitionInput, act: Act, at: string): Promise<TransitionByHand> {
  const { model, to, archiveExisting, comment } = input;
  const version = await requireVersion(trx, model, input.version);
  const from = version.stage;
  requireRight(act.caller, rightToMove(from, to), model);
  if (archiveExisting && (to === 'None' || to === 'Archived')) {
    throw new SuperstepError(
      'InvalidInput',
      `archive_existing_versions goes with Staging or Production, not with ${to}`,
    );
  }
  const passed = await passGuard(trx, act, model, { kind: 'transition', version: version.version, from, to }, at);
  const wake: string[] = [];
  for (const other of await othersToArchive(trx, input)) {
    // Production has one place: whoever may enter it may send its holder away.
    if (to !== 'Production') {
      await passGuard(
        trx,
        act,
        model,
        { kind: 'transition', version: other.version, from: other.stage, to: 'Archived' },
        at,
      );
    }
    const replaced = `version ${version.version} took its place`;
    wake.push(
      ...(await moveByHand(trx, { version: other, to: 'Archived', act, passed, comment: replaced, at, side: true })),
    );
  }
  wake.push(...(await moveByHand(trx, { version, to, act, passed, comment, at })));
  if (from !== to && (from === 'Production' || to === 'Production')) wake.push(...(await waitingAtGates(trx, model)));
  return { from, to, at, wake: [...new Set(wake)] };
}

async function othersToArchive(
  trx: Knex,
  { model, version, to, archiveExisting }: TransitionInput,
): Promise<ModelVersion[]> {
  if (!archiveExisting && to !== 'Production') return [];
  const rows = (await trx('model_versions')
    .where({ model, stage: to })
    .whereNot({ version })
    .whereNull('deleted_at')
    .orderBy('version')
    .pluck('version')) as number[];
  return Promise.all(rows.map((other) => requireVersion(trx, model, other)));
}

export interface MoveByHand {
  readonly version: ModelVersion;
  readonly to: Stage;
  readonly act: Act;
  readonly passed: Passed;
  readonly comment: string;
  readonly at: string;
  /** A move that follows from another one. */
  readonly side?: boolean;
}

/**
 * Moves a version that the guard has let through, keeps the history of Production, and closes the requests that the
 * move answers. Answers the workflows whose gate that closed.
 */
export async function moveByHand(trx: Knex, move: MoveByHand): Promise<string[]> {
  const { version, to, act, passed, at } = move;
  const who = actor(act);
  const comment = passed.brokeGlass ? `break-glass: ${passed.reason}` : move.comment;
  const named = { model: version.model, version: version.version };
  const closed = await closeAnswered(trx, version, to, { ...who, comment, at });
  const action = move.side === true ? ('SYSTEM_TRANSITION' as const) : ('APPLIED_TRANSITION' as const);
  await moveStage(trx, { version, to, cause: 'direct', action, ...who, comment, at });
  if (version.stage === to) {
    await trx('model_versions').where(named).update({ updated_at: at });
  } else if (to === 'Production') {
    await beginStay(
      trx,
      {
        ...named,
        enteredAt: at,
        enteredThrough: passed.brokeGlass ? 'break-glass' : 'direct',
        requestId: null,
        evidenceDigest: null,
        decidedBy: [act.caller.name],
        reason: comment,
        workflowId: null,
      },
      false,
    );
  } else if (version.stage === 'Production') {
    await endStay(trx, version.model, at);
  }
  return workflowsOf(closed);
}

/**
 * A request for the stage that the version now enters is answered, except for Production, which nobody has approved.
 * Requests of a version that is archived or enters Production end, and so does a gate when its version leaves Staging.
 */
async function closeAnswered(
  trx: Knex,
  version: ModelVersion,
  to: Stage,
  closing: {
    readonly by: string;
    readonly proof: Act['caller']['proof'];
    readonly comment: string;
    readonly at: string;
  },
): Promise<TransitionRequest[]> {
  if (version.stage === to) return [];
  const ends = to === 'Archived' || to === 'Production';
  const isGate = (r: TransitionRequest): boolean => r.toStage === 'Production' && r.status === 'open';
  const unanswered = await selectUnanswered(trx, version);
  const closed = unanswered.filter((r) => ends || r.toStage === to || isGate(r));
  for (const request of closed) {
    const answered = request.toStage === to && to !== 'Production';
    await closeRequest(trx, request, { ...closing, status: answered ? 'approved' : 'cancelled' });
  }
  return closed;
}

/** Workflows that wait at gates of the model: their ground is the champion. */
async function waitingAtGates(trx: Knex, model: string): Promise<string[]> {
  const open = await selectRequests(trx, { model, to_stage: 'Production', status: 'open' });
  return workflowsOf(open);
}
