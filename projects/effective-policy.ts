import type { RiskTier } from '../contracts/pinned-bundle.ts';
import { STANDARD_TIER, type Policy, type PolicyTier } from '../contracts/schemas/policy.ts';
import { atLeastAsTight, fieldAt, POLICY_FIELDS, type PolicyField } from './policy-directions.ts';

/** The rules that hold for one model. */
export interface EffectivePolicy {
  readonly policy: Policy;
  readonly riskTier: RiskTier;
}

/**
 * The policy with the rules of a model's risk tier. What governance has confirmed counts; until then the tier that the
 * project names does, and only `confirmed` says that nobody has looked. A name that the policy does not know is
 * `standard`, unconfirmed.
 */
export function effectivePolicy(policy: Policy, model: string, namedTier: string | undefined): EffectivePolicy {
  const confirmedTier = Object.hasOwn(policy.models, model) ? policy.models[model] : undefined;
  const wanted = confirmedTier ?? namedTier ?? STANDARD_TIER;
  const tier = Object.hasOwn(policy.tiers, wanted) ? policy.tiers[wanted] : undefined;
  const confirmed = confirmedTier !== undefined && (namedTier === undefined || namedTier === confirmedTier);
  if (tier === undefined) return { policy, riskTier: { tier: STANDARD_TIER, confirmed } };
  return { policy: withTier(policy, tier), riskTier: { tier: wanted, confirmed } };
}

/** A policy with a tier's rules in place of its own; lists that tighten by more entries are joined. */
export function withTier(policy: Policy, tier: PolicyTier): Policy {
  const compliance = {
    ...policy.compliance,
    ...tier.compliance,
    require: [...new Set([...policy.compliance.require, ...(tier.compliance.require ?? [])])],
    tags: [...new Set([...policy.compliance.tags, ...(tier.compliance.tags ?? [])])],
  };
  return {
    ...policy,
    compliance: compliance as Policy['compliance'],
    comparison: { ...policy.comparison, ...tier.comparison } as Policy['comparison'],
    approval: { ...policy.approval, ...tier.approval } as Policy['approval'],
    rollback: { ...policy.rollback, ...tier.rollback } as Policy['rollback'],
  };
}

/** The rules of a tier that are looser than the policy's own, by path. */
export function loosenedBy(policy: Policy, tier: PolicyTier): PolicyField[] {
  const tightened = withTier(policy, tier);
  return POLICY_FIELDS.filter(
    (field) => !atLeastAsTight(field.tightens, fieldAt(tightened, field.policy), fieldAt(policy, field.policy)),
  );
}
