import type { Knex } from 'knex';
import { judgeDecision, type Judgement } from '../contracts/approval.ts';
import { everyApprover } from '../contracts/candidate-rules.ts';
import { type DecisionMessage, readDecision } from '../contracts/decision-message.ts';
import { decisionKeys } from './approver-keys.ts';
import { canonicalJson } from './canonical-json.ts';
import { rulesOfGate } from './gate-rules.ts';
import type { TransitionRequest } from './open-requests.ts';

/** What was said at a gate, as a workflow tells it. */
export type ToldDecision = Omit<DecisionMessage, 'decision' | 'problem'> & { readonly decision: string };

/**
 * Judges, by the rules that the registry keeps with the request, what a workflow says it has counted: the record of who
 * decided is not taken from whoever can schedule an activity. A key that was revoked since the gate opened, or a role
 * that was taken away, does not make it forged; promotion lets it lapse.
 *
 * Undefined for gates that earlier versions opened: no rules were kept.
 */
export async function judgeTold(
  trx: Knex,
  request: TransitionRequest,
  told: ToldDecision,
): Promise<Judgement | undefined> {
  const rules = await rulesOfGate(trx, request);
  if (rules === undefined || request.basis === null) return undefined;
  const read = readDecision(told);
  if (read !== undefined && !saysTheSame(told, read)) {
    return { counts: false, failure: 'NotAuthorized', whyNot: 'its signed statement says something else' };
  }
  const approvers = everyApprover(request.basis.approval);
  const keys = await decisionKeys(trx, request.model, approvers, request.createdAt);
  return judgeDecision({ phase: 'open', rules: { ...rules, approvers, keys }, counted: [] }, read);
}

const TOLD = ['approver', 'decision', 'comment', 'evidence', 'conditions'] as const;

/** Beside a signed statement stands what was read from it: told otherwise, one of both is forged. */
function saysTheSame(told: ToldDecision, read: DecisionMessage): boolean {
  return TOLD.every((field) => canonicalJson([told[field] ?? null]) === canonicalJson([read[field] ?? null]));
}
