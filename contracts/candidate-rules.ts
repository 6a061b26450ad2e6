import type { ApprovalRules, DecisionKey } from './approval-rules.ts';
import type { PinnedPromotion } from './promote-model.ts';

/** Who asks where nobody is named: a schedule, a monitor, or a person at the CLI who did not say. */
export const NOBODY_NAMED = 'superstep';

/** By which rules a gate counts decisions on a candidate: its policy, on the evidence and request that are open. */
export function candidateRules(
  candidate: PinnedPromotion,
  opened: {
    readonly requestId: string;
    readonly evidenceDigest: string;
    readonly keys: readonly DecisionKey[];
    /** As the registry has it. */
    readonly requester?: string | undefined;
  },
): ApprovalRules {
  const { environment, model, version, modelDigest, snapshot, requester, approval } = candidate;
  const { requestId, evidenceDigest, keys } = opened;
  return {
    approvers: approval.approvers,
    quorum: approval.quorum,
    proof: approval.proof ?? 'claimed',
    requester: opened.requester ?? requester ?? NOBODY_NAMED,
    separateRequester: approval.separateRequester ?? false,
    evidenceRequired: approval.evidenceRequired,
    ground: { environment, model, version, modelDigest: modelDigest ?? '', requestId, evidenceDigest, snapshot },
    keys,
  };
}
