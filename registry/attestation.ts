import type { ApprovalRules } from '../contracts/approval-rules.ts';
import {
  type Decision,
  type DecisionCondition,
  decisionStatement,
  signStatement,
} from '../contracts/decision-statement.ts';
import type { DsseEnvelope } from '../contracts/dsse.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { rolesFor } from './approver-keys.ts';
import type { RegistryDatabase } from './database.ts';
import type { Caller } from './identity/caller.ts';
import type { ServerKey } from './identity/server-key.ts';

export interface AttestationDeps {
  readonly db: RegistryDatabase;
  /** The environment's own key. */
  readonly key: Pick<ServerKey, 'keyId' | 'sign'>;
  readonly now: () => Date;
}

/** What a caller decides at a gate. */
export interface DecisionToAttest {
  /** Of the gate that waits, as its query `status` shows them; what the caller has looked at. */
  readonly rules: Pick<ApprovalRules, 'approvers' | 'ground'>;
  readonly decision: Decision;
  readonly comment: string;
  readonly conditions?: readonly DecisionCondition[];
}

export function createAttestation({ db, key, now }: AttestationDeps) {
  return {
    /**
     * States, signed with the environment's key, what an authenticated caller decides: a decision that proves itself
     * inside the workflow, while the caller's token stays here. Whether it counts, the gate says.
     *
     * @throws NotAuthorized for a caller who has not shown who it is
     */
    attest: async (
      caller: Pick<Caller, 'name' | 'proof' | 'roles'>,
      { rules, decision, comment, conditions }: DecisionToAttest,
    ): Promise<DsseEnvelope> => {
      requireProved(caller);
      const { approvers, ground } = rules;
      const granted = await db.read((knex) => rolesFor(knex, caller.name, ground.model));
      const roles = [...new Set([...caller.roles, ...granted])].filter((role) => approvers.includes(role));
      const statement = decisionStatement(ground, {
        decision,
        approver: caller.name,
        roles,
        comment,
        decidedAt: now().toISOString(),
        proof: 'token',
        ...(conditions === undefined || conditions.length === 0 ? {} : { conditions }),
      });
      return signStatement(statement, key);
    },
  };
}

function requireProved({ name, proof }: Pick<Caller, 'name' | 'proof'>): void {
  if (proof !== 'anonymous' && proof !== 'claimed') return;
  throw new SuperstepError(
    'NotAuthorized',
    `"${name}" has not shown who it is (${proof}); expected a token: a decision is signed for authenticated callers only`,
    { name, proof },
  );
}
