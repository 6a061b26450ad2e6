import { SuperstepError } from '../contracts/failure-types.ts';
import type { RegistryDatabase } from './database.ts';
import { findProduction, requireVersion } from './model-versions.ts';
import { completedResult, completeOperation } from './natural-keys.ts';
import { closeOpenRequests } from './open-requests.ts';
import { beginStay, rollbackTarget, selectStays } from './production-history.ts';
import { archive, moveStage } from './stage-moves.ts';
import { closedGates, type ClosedGate } from './transition-requests.ts';

export interface RollBackInput {
  /** Names this rollback; the next one is another key. */
  readonly naturalKey: string;
  readonly model: string;
  readonly reason: string;
  readonly requestedBy: string;
  /** Roles that the policy lets roll back. */
  readonly allowed: readonly string[];
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
        const { model, reason, requestedBy: by, workflowId = null } = input;
        const at = now().toISOString();
        const current = await findProduction(trx, model);
        const target =
          current === undefined ? undefined : rollbackTarget(await selectStays(trx, model), current.version);
        if (current === undefined || target === undefined) {
          // Tells an unknown model from one that has nothing to go back to.
          await requireVersion(trx, model, current?.version ?? 1);
          return completeOperation(trx, 'rollBack', input.naturalKey, { outcome: 'nothing-to-roll-back-to' }, at);
        }

        const to = await requireVersion(trx, model, target.version);
        const note = {
          cause: 'rollback' as const,
          action: 'ROLLED_BACK' as const,
          by,
          comment: reason,
          workflowId,
          at,
        };
        const back = `rolled back to version ${to.version}: ${reason}`;
        const closed = await closeOpenRequests(trx, to, { status: 'cancelled', by, comment: back, at });
        const { evidenceDigest } = target;
        await archive(trx, {
          ...note,
          version: current,
          comment: back,
          reason: 'rolled-back',
          commentKey: `rolled-back/${input.naturalKey}`,
        });
        await moveStage(trx, { ...note, version: to, to: 'Production', evidenceDigest });
        const { requestId } = target;
        await beginStay(
          trx,
          {
            model,
            version: to.version,
            enteredAt: at,
            enteredThrough: 'rollback',
            requestId,
            evidenceDigest,
            decidedBy: [by],
            reason,
            workflowId,
          },
          true,
        );
        const result: RollBackResult = {
          outcome: 'rolled-back',
          from: current.version,
          to: to.version,
          cancelled: closedGates(closed),
        };
        return completeOperation(trx, 'rollBack', input.naturalKey, result, at);
      });
    },
  };
}

function requireAllowed({ requestedBy, allowed, model }: RollBackInput): void {
  if (allowed.includes(requestedBy)) return;
  throw new SuperstepError(
    'NotAuthorized',
    `"${requestedBy}" may not roll back ${model}; the policy lets ${allowed.join(', ') || 'nobody'} do it`,
    { requestedBy, allowed },
  );
}
