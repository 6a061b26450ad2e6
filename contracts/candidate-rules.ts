import { type ApprovalRules, type DecisionKey, escalatedRules } from './approval-rules.ts';
import type { ApprovalPolicy, PinnedPromotion } from './promote-model.ts';

/** Who asks where nobody is named: a schedule, a monitor, or a person at the CLI who did not say. */
export const NOBODY_NAMED = 'superstep';

/** What the rules of a gate come from. */
export type RuledCandidate = Pick<
  PinnedPromotion,
  'environment' | 'model' | 'version' | 'modelDigest' | 'snapshot' | 'requester' | 'approval'
>;

/** By which rules a gate counts decisions on a candidate: its policy, on the evidence and request that are open. */
export function candidateRules(
  candidate: RuledCandidate,
  opened: {
    readonly requestId: string;
    readonly evidenceDigest: string;
    readonly keys: readonly DecisionKey[];
    /** As the registry has it. */
    readonly requester?: string | undefined;
    /** Whether the policy's second role has been asked. */
    readonly escalated?: boolean;
  },
): ApprovalRules {
  const { environment, model, version, modelDigest, snapshot, requester, approval } = candidate;
  const { requestId, evidenceDigest, keys } = opened;
  const rules = {
    approvers: approval.approvers,
    quorum: approval.quorum,
    proof: approval.proof ?? 'claimed',
    requester: opened.requester ?? requester ?? NOBODY_NAMED,
    separateRequester: approval.separateRequester ?? false,
    evidenceRequired: approval.evidenceRequired,
    ground: { environment, model, version, modelDigest: modelDigest ?? '', requestId, evidenceDigest, snapshot },
    keys,
  };
  const { escalate } = approval;
  return opened.escalated === true && escalate !== undefined ? escalatedRules(rules, escalate.to) : rules;
}

/** Every role that may decide at some time. */
export function everyApprover({
  approvers,
  escalate,
}: Pick<ApprovalPolicy, 'approvers'> & { readonly escalate?: { readonly to: readonly string[] } }): string[] {
  return [...new Set([...approvers, ...(escalate?.to ?? [])])];
}
