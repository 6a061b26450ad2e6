import type { Policy } from './schemas/policy.ts';

/** Every role that a policy gives a say, beside the built-in ones: who approves, is escalated to, rolls back, may break the glass. */
export function approverRoles({ approval, rollback, tiers, access }: Policy): string[] {
  const ofTiers = Object.values(tiers).flatMap((tier) => [
    ...(tier.approval.approvers ?? []),
    ...(tier.approval.escalate?.to ?? []),
    ...(tier.rollback.by ?? []),
  ]);
  const own = [...approval.approvers, ...(approval.escalate?.to ?? []), ...rollback.by, ...access.break_glass];
  return [...new Set([...own, ...ofTiers])];
}
