import { z } from 'zod';
import { PROOFS } from '../approval-rules.ts';
import { auditSchema } from './audit.ts';
import { accessSchema, roleName as role } from './access.ts';
import { freezeWindow } from './freeze-window.ts';
import { notificationsSchema } from './notifications.ts';
import { duration, kebabName } from './primitives.ts';

/** What an automatic compliance check may ask of a version. */
export const COMPLIANCE_CHECKS = ['signature', 'parity', 'lineage', 'model_card', 'clean_commit', 'risk_tier'] as const;

// The rules without their defaults: a tier names only what it tightens.
const complianceRules = {
  require: z.array(z.enum(COMPLIANCE_CHECKS)),
  tags: z.array(z.string().min(1)),
  /** Each slice of a project with enough rows must reach this AUC; `min_rows_at_most` bounds what "enough" may mean. */
  slices: z.strictObject({ auc_at_least: z.number().min(0).max(1), min_rows_at_most: z.int().min(1).optional() }),
  /** The newest training row may be at most this old at the as-of. */
  max_data_age: duration,
  /** Without git, digests stand alone: whether that will do for `clean_commit`. */
  allow_without_git: z.boolean(),
};
const comparisonRules = {
  margin_at_least: z.number().min(-1).max(1),
  confidence: z.number().min(0.5).max(0.999),
  block: z.enum(['day']),
};
const rollbackRules = { by: z.array(role).min(1) };
const approvalRules = {
  /** Roles that may approve or reject. */
  approvers: z.array(role).min(1),
  /** How many approvers, or how many of each role; an approver fills one place. */
  quorum: z.union([z.int().min(1), z.record(role, z.int().min(1))]),
  proof: z.enum(PROOFS),
  /** Whether who asked for the promotion may approve it. */
  separate_requester: z.boolean(),
  evidence_digest: z.enum(['required', 'optional']),
  expires_after: duration,
  /** How often those who may decide are told again while a request waits. */
  remind_every: duration,
  /** A second role that may decide, and is told, once a request has waited this long. */
  escalate: z.strictObject({ after: duration, to: z.array(role).min(1) }),
};

/** What a risk tier tightens. */
const tierSchema = z.strictObject({
  compliance: z.strictObject(complianceRules).partial().default({}),
  comparison: z.strictObject(comparisonRules).omit({ block: true }).partial().default({}),
  approval: z.strictObject(approvalRules).partial().default({}),
  rollback: z.strictObject(rollbackRules).partial().default({}),
});

/** policies/<environment>.yaml: what a candidate must pass and who decides. Owned by governance, not by the project. */
export const policySchema = z.strictObject({
  compliance: z.strictObject({
    require: complianceRules.require.default([]),
    tags: complianceRules.tags.default([]),
    slices: complianceRules.slices.optional(),
    max_data_age: complianceRules.max_data_age.optional(),
    allow_without_git: complianceRules.allow_without_git.default(true),
  }),
  comparison: z.strictObject({
    margin_at_least: comparisonRules.margin_at_least.default(0),
    confidence: comparisonRules.confidence.default(0.95),
    block: comparisonRules.block.default('day'),
  }),
  rollback: z.strictObject(rollbackRules),
  approval: z.strictObject({
    approvers: approvalRules.approvers,
    quorum: approvalRules.quorum.default(1),
    proof: approvalRules.proof.default('claimed'),
    separate_requester: approvalRules.separate_requester.default(false),
    evidence_digest: approvalRules.evidence_digest.default('required'),
    expires_after: approvalRules.expires_after.default('48h'),
    remind_every: approvalRules.remind_every.optional(),
    escalate: approvalRules.escalate.optional(),
  }),
  /** When nothing is promoted; an approved version waits for the end of the window. */
  freeze: z.array(freezeWindow).default([]),
  /** Stricter rules for models of a higher risk, by the tier's name. */
  tiers: z.record(kebabName, tierSchema).default({}),
  /** The tier that governance has confirmed for a model; `standard` is the rules above alone. */
  models: z.record(kebabName, kebabName).default({}),
  /** How often somebody must look at what is in Production, whatever its monitors say. */
  review_every: duration.optional(),
  /** Whether a registry client may change what is in Production without a gate. */
  direct_changes: z.enum(['allowed', 'refused']).default('refused'),
  access: accessSchema.prefault({}),
  audit: auditSchema.prefault({}),
  notifications: notificationsSchema.prefault({}),
});

export type Policy = z.output<typeof policySchema>;
export type PolicyTier = z.output<typeof tierSchema>;
export type ComplianceCheckName = (typeof COMPLIANCE_CHECKS)[number];

/** The tier of models for which the policy's own rules hold and no more. */
export const STANDARD_TIER = 'standard';
