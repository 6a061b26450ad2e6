import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import { closedGates, type ClosedGate } from './approval-opening.ts';
import type { RegistryDatabase } from './database.ts';
import { findProduction, requireVersion, type ModelVersion } from './model-versions.ts';
import { requireModel } from './models/read-models.ts';
import { completedResult, completeOperation } from './natural-keys.ts';
import { closeOpenRequests } from './open-requests.ts';
import { beginStay, rollbackTarget, selectStays, type ProductionStay } from './production-history.ts';
import { archive, moveStage } from './stage-moves.ts';

export interface RollBackInput {
  /** Names this rollback; the next one is another key. */
  readonly naturalKey: string;
  readonly model: string;
  readonly reason: string;
  readonly requestedBy: string;
  /** Roles that the policy lets roll back. */
  readonly allowed: readonly string[];
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
     * @throws NotAuthorized when the policy does not let this role do it
     * @throws UnknownModel
     */
    rollBack: async (input: RollBackInput): Promise<RollBackResult> => {
      requireAllowed(input);
      return db.write(async (trx) => {
        const stored = await completedResult<RollBackResult>(trx, 'rollBack', input.naturalKey);
        if (stored !== undefined) return stored;
        const at = now().toISOString();
        const current = await findProduction(trx, input.model);
        // Tells an unknown model from one that has nothing to go back to.
        await requireModel(trx, input.model);
        const { onlyFrom = current?.version } = input;
        const target =
          current?.version !== onlyFrom || current === undefined
            ? undefined
            : rollbackTarget(await livingStays(trx, input.model), current.version);
        const result: RollBackResult =
          current === undefined || target === undefined
            ? { outcome: 'nothing-to-roll-back-to' }
            : await returnTo(trx, input, current, target, at);
        return completeOperation(trx, 'rollBack', input.naturalKey, result, at);
      });
    },
  };
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
  input: RollBackInput,
  current: ModelVersion,
  target: ProductionStay,
  at: string,
): Promise<RollBackResult> {
  const { model, reason, requestedBy: by, workflowId = null } = input;
  const { requestId, evidenceDigest } = target;
  const to = await requireVersion(trx, model, target.version);
  const back = `rolled back to version ${to.version}: ${reason}`;
  const closed = await closeOpenRequests(trx, to, { status: 'cancelled', by, comment: back, at });
  const move = { cause: 'rollback' as const, action: 'ROLLED_BACK' as const, by, workflowId, at };
  const commentKey = `rolled-back/${input.naturalKey}`;
  await archive(trx, { ...move, version: current, comment: back, reason: 'rolled-back', commentKey });
  await moveStage(trx, { ...move, version: to, to: 'Production', comment: reason, evidenceDigest });
  const entry = { enteredAt: at, enteredThrough: 'rollback' as const, requestId, evidenceDigest, workflowId };
  await beginStay(trx, { model, version: to.version, ...entry, decidedBy: [by], reason }, true);
  return { outcome: 'rolled-back', from: current.version, to: to.version, cancelled: closedGates(closed) };
}

function requireAllowed({ requestedBy, allowed, model }: RollBackInput): void {
  if (allowed.includes(requestedBy)) return;
  throw new SuperstepError(
    'NotAuthorized',
    `"${requestedBy}" may not roll back ${model}; the policy lets ${allowed.join(', ') || 'nobody'} do it`,
    { requestedBy, allowed },
  );
}
