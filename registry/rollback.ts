import type { Knex } from 'knex';
import type { Proof } from '../contracts/approval-rules.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { closedGates, type ClosedGate } from './approval-opening.ts';
import type { RegistryDatabase } from './database.ts';
import type { CallerProof } from './identity/caller.ts';
import { findProduction, requireVersion, type ModelVersion } from './model-versions.ts';
import { requireModel } from './models/read-models.ts';
import { completedResult, completeOperation } from './natural-keys.ts';
import { closeOpenRequests } from './open-requests.ts';
import { beginStay, rollbackTarget, selectStays, type ProductionStay } from './production-history.ts';
import { enteredProductionSince, refused, requireAsk, requireStanding, type RollbackAsk } from './rollback-asks.ts';
import { archive, moveStage } from './stage-moves.ts';

export interface RollBackInput {
  /** Names this rollback; the next one is another key. One that was asked for over REST is named by its asking. */
  readonly naturalKey: string;
  readonly model: string;
  readonly reason: string;
  /** One of the roles of `allowed`; with `ask` the name of who asked. */
  readonly requestedBy: string;
  /** Roles that the policy lets roll back. */
  readonly allowed: readonly string[];
  /** `approval.proof` of the policy for the model. Where it is more than a name, `ask` must be there. Default: `claimed`. */
  readonly proof?: Proof;
  /** Which asking over REST is carried out. Version and reason are then those of the asking. */
  readonly ask?: string;
  /** Only when this version is in Production; when it is not any more, there is nothing to roll back. Default: whichever is. */
  readonly onlyFrom?: number;
  readonly workflowId?: string;
}

export type RollBackResult =
  | {
      readonly outcome: 'rolled-back';
      readonly from: number;
      readonly to: number;
      /** Gates that closed because their version went to Production this way; their workflows want waking. */
      readonly cancelled: readonly ClosedGate[];
    }
  | { readonly outcome: 'nothing-to-roll-back-to' };

export function createRollback({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Back to the last Production version that was not itself rolled back from, in one transaction, once per natural key.
     *
     * @throws NotAuthorized when the policy does not let this role do it, or asks for more than its name; when the asking
     *   behind it is not there, too old, or of somebody who left or may not do it any more
     * @throws UnknownModel
     */
    rollBack: (input: RollBackInput): Promise<RollBackResult> =>
      db.write(async (trx) => {
        const order = await orderOf(trx, input);
        const stored = await completedResult<RollBackResult>(trx, 'rollBack', order.naturalKey);
        if (stored !== undefined) return stored;
        const at = now().toISOString();
        const current = await findProduction(trx, input.model);
        // Tells an unknown model from one that has nothing to go back to.
        await requireModel(trx, input.model);
        if (order.ask !== undefined) await requireStanding(trx, order.ask, { ...input, ask: order.ask.id }, at);
        const target = await targetOf(trx, order, current);
        const result: RollBackResult =
          current === undefined || target === undefined
            ? { outcome: 'nothing-to-roll-back-to' }
            : await returnTo(trx, order, current, target, at);
        return completeOperation(trx, 'rollBack', order.naturalKey, result, at);
      }),
  };
}

/** A rollback by somebody who may order one, at the time when it was ordered. */
interface Order extends Pick<RollBackInput, 'naturalKey' | 'model' | 'reason' | 'onlyFrom' | 'workflowId'> {
  readonly by: string;
  readonly proof: CallerProof;
  readonly ask?: RollbackAsk;
}

/**
 * Who orders the rollback of what, and why: what the audit says of the asking, where there is one. Whoever can start
 * workflows can write any name and reason into an input, and send one again.
 */
async function orderOf(trx: Knex, input: RollBackInput): Promise<Order> {
  const { ask: id, ...said } = input;
  if (id === undefined) {
    requireAllowed(input);
    return { ...said, by: said.requestedBy, proof: 'claimed' };
  }
  const ask = await requireAsk(trx, { ...said, ask: id });
  const { by, proof, reason, version: onlyFrom } = ask;
  return { ...said, naturalKey: `roll-back/ask/${id}`, by, proof, reason, onlyFrom, ask };
}

/** Where the order leads; undefined for nowhere, or when what it was about is not in Production any more. */
async function targetOf(
  trx: Knex,
  { model, onlyFrom, ask }: Order,
  current: ModelVersion | undefined,
): Promise<ProductionStay | undefined> {
  if (current === undefined || current.version !== (onlyFrom ?? current.version)) return undefined;
  // The same version may have left and come back: through its gate, with a decision younger than the asking.
  if (ask !== undefined && (await enteredProductionSince(trx, model, ask))) return undefined;
  return rollbackTarget(await livingStays(trx, model), current.version);
}

/** Stays of versions that are still there: nothing leads back to a deleted one. */
async function livingStays(trx: Knex, model: string): Promise<ProductionStay[]> {
  const deleted = (await trx('model_versions')
    .where({ model })
    .whereNotNull('deleted_at')
    .pluck('version')) as number[];
  return (await selectStays(trx, model)).filter((stay) => !deleted.includes(stay.version));
}

async function returnTo(
  trx: Knex,
  order: Order,
  current: ModelVersion,
  target: ProductionStay,
  at: string,
): Promise<RollBackResult> {
  const { model, reason, by, proof, ask, workflowId = null } = order;
  const { requestId, evidenceDigest } = target;
  const to = await requireVersion(trx, model, target.version);
  const back = `rolled back to version ${to.version}: ${reason}`;
  const closed = await closeOpenRequests(trx, to, { status: 'cancelled', by, proof, comment: back, at });
  const details = ask === undefined ? null : { ask: ask.id };
  const move = { cause: 'rollback' as const, action: 'ROLLED_BACK' as const, by, proof, workflowId, at, details };
  const commentKey = `rolled-back/${order.naturalKey}`;
  await archive(trx, { ...move, version: current, comment: back, reason: 'rolled-back', commentKey });
  await moveStage(trx, { ...move, version: to, to: 'Production', comment: reason, evidenceDigest });
  const entry = { enteredAt: at, enteredThrough: 'rollback' as const, requestId, evidenceDigest, workflowId };
  await beginStay(trx, { model, version: to.version, ...entry, decidedBy: [by], reason }, true);
  return { outcome: 'rolled-back', from: current.version, to: to.version, cancelled: closedGates(closed) };
}

function requireAllowed(input: RollBackInput): void {
  const { requestedBy, allowed, model, proof = 'claimed' } = input;
  if (proof !== 'claimed')
    throw refused(input, `the policy takes no name for proof (approval.proof: ${proof}), and "${requestedBy}" is one`);
  if (allowed.includes(requestedBy)) return;
  throw new SuperstepError(
    'NotAuthorized',
    `"${requestedBy}" may not roll back ${model}; the policy lets ${allowed.join(', ') || 'nobody'} do it`,
    { requestedBy, allowed },
  );
}
