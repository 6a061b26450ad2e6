import type { Knex } from 'knex';
import {
  approvalsMissing,
  type ApprovalState,
  type ApproverNews,
  countDecision,
  type CountedDecision,
  judgeDecision,
  refreshApprovers,
} from '../contracts/approval.ts';
import type { ApprovalRules } from '../contracts/approval-rules.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { quorumText } from '../contracts/quorum.ts';
import { approverNews } from './approver-keys.ts';
import { countedDecisions } from './decisions.ts';

/** What a promotion rests on, as the registry has it. */
export interface GateToCheck {
  readonly model: string;
  readonly version: number;
  readonly requestId: string;
  /** By which the gate counted; its keys are looked up anew. */
  readonly rules: ApprovalRules;
}

export type CheckedApprovals =
  | { readonly outcome: 'approved'; readonly approvals: readonly CountedDecision[] }
  | ({ readonly outcome: 'approvals-lapsed' } & ApproverNews);

/**
 * Holds what was recorded at a gate against its rules once more, by the gate's own rule, in the transaction that lets
 * it take effect: signatures with the keys of now, and without those who have left.
 *
 * @throws NotAuthorized when it was rejected, when too few had said yes, or when the gate would not have counted one of them
 */
export async function checkApprovals(trx: Knex, gate: GateToCheck): Promise<CheckedApprovals> {
  const { model, version, requestId, rules } = gate;
  const what = `promotion of ${model} version ${version}`;
  const counted = await countedDecisions(trx, requestId);
  const rejectedBy = counted.filter((d) => d.decision === 'reject').map((d) => d.approver);
  if (rejectedBy.length > 0) {
    throw new SuperstepError('NotAuthorized', `${what} was rejected by ${rejectedBy.join(', ')}; one reject closes`, {
      requestId,
      rejectedBy,
    });
  }
  const recorded: ApprovalState = { phase: 'open', rules, counted };
  if (approvalsMissing(recorded) > 0) throw tooFew(what, gate, counted);
  const approvers = counted.map(({ approver }) => approver);
  const news = await approverNews(trx, model, rules.approvers, approvers);
  const present = refreshApprovers(recorded, news).state;
  const { counted: approvals } = present.counted.reduce(countGenuine, { ...present, counted: [] });
  return approvalsMissing({ ...present, counted: approvals }) > 0
    ? { outcome: 'approvals-lapsed', ...news }
    : { outcome: 'approved', approvals };
}

function countGenuine(state: ApprovalState, decision: CountedDecision): ApprovalState {
  const judgement = judgeDecision(state, decision);
  if (judgement.counts) return countDecision(state, decision, judgement);
  throw new SuperstepError(
    'NotAuthorized',
    `the registry holds a decision of "${decision.approver}" that cannot count: ${judgement.whyNot}; look who wrote it, and open a new approval`,
    { approver: decision.approver, keyId: decision.keyId ?? null },
  );
}

function tooFew(what: string, { requestId, rules }: GateToCheck, counted: readonly CountedDecision[]): SuperstepError {
  const approvedBy = counted.map(({ approver }) => approver);
  const { quorum } = rules;
  const needed = typeof quorum === 'number' ? `${Math.max(1, quorum)} approvers` : quorumText(quorum, rules.approvers);
  const found = approvedBy.length === 0 ? '0' : `${approvedBy.length} (${approvedBy.join(', ')})`;
  return new SuperstepError('NotAuthorized', `${what} needs ${needed}, found ${found}`, {
    requestId,
    quorum,
    approvedBy,
  });
}
