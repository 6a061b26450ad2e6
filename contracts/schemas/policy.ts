import { z } from 'zod';
import { duration } from './primitives.ts';

/** What an automatic compliance check may ask of a version. */
export const COMPLIANCE_CHECKS = ['signature', 'parity', 'lineage', 'model_card', 'clean_commit'] as const;

const role = z.string().regex(/^[a-z][a-z0-9-]*$/, 'expected a role such as "governance" or "ml-lead"');

/** policies/<environment>.yaml: what a candidate must pass and who decides. Owned by governance, not by the project. */
export const policySchema = z.strictObject({
  compliance: z.strictObject({
    require: z.array(z.enum(COMPLIANCE_CHECKS)).default([]),
    tags: z.array(z.string().min(1)).default([]),
    /** Each slice of a project with enough rows must reach this AUC; `min_rows_at_most` bounds what "enough" may mean. */
    slices: z
      .strictObject({ auc_at_least: z.number().min(0).max(1), min_rows_at_most: z.int().min(1).optional() })
      .optional(),
    /** The newest training row may be at most this old at the as-of. */
    max_data_age: duration.optional(),
    /** Without git, digests stand alone: whether that will do for `clean_commit`. */
    allow_without_git: z.boolean().default(true),
  }),
  comparison: z.strictObject({
    margin_at_least: z.number().min(-1).max(1).default(0),
    confidence: z.number().min(0.5).max(0.999).default(0.95),
    block: z.enum(['day']).default('day'),
  }),
  rollback: z.strictObject({ by: z.array(role).min(1) }),
  approval: z.strictObject({
    approvers: z.array(role).min(1),
    quorum: z.int().min(1).default(1),
    proof: z.enum(['claimed']).default('claimed'),
    evidence_digest: z.enum(['required', 'optional']).default('required'),
    expires_after: duration.default('48h'),
  }),
});

export type Policy = z.output<typeof policySchema>;
export type ComplianceCheckName = (typeof COMPLIANCE_CHECKS)[number];
