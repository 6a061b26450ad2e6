import { type ApprovalState } from '../contracts/approval.ts';
import type { GateResult } from '../contracts/gates.ts';
import type { PromotionOutcome } from '../contracts/promote-model.ts';
import { quorumText } from '../contracts/quorum.ts';

/** The approval gate's own line in the gate table; none when it never opened. */
export function approvalResult(outcome: PromotionOutcome, { rules, counted }: ApprovalState): GateResult | undefined {
  if (outcome === 'failed-compliance' || outcome === 'failed-comparison' || rules === undefined) return undefined;
  const verdict = outcome === 'promoted' || outcome === 'undone' ? 'pass' : 'fail';
  return {
    gate: 'approval',
    verdict,
    summary: outcome,
    checks: [
      {
        name: 'quorum',
        verdict,
        expected: quorumText(rules.quorum, rules.approvers),
        found: counted.map((m) => `${m.approver}: ${m.decision}`).join(', ') || 'nobody',
      },
    ],
  };
}
