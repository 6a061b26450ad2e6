import type { Proof } from '../contracts/approval-rules.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { Quorum } from '../contracts/quorum.ts';
import type { ComplianceCheckName, Policy } from '../contracts/schemas/policy.ts';
import type { ProjectDefinition } from '../contracts/schemas/project.ts';
import { shown } from './mistakes.ts';
import {
  atLeastAsTight,
  directionText,
  fieldAt,
  POLICY_FIELDS,
  type Direction,
  type PolicyField,
} from './policy-directions.ts';

/** The floor for each slice of the held-out rows with at least `minRows` rows. */
interface SliceRule {
  /** A column of the spine. */
  readonly by: string;
  readonly minRows: number;
  readonly aucAtLeast: number;
}

/** What the gates ask of a candidate: the environment's policy, tightened by the project. Plain JSON. */
export interface EffectiveGates {
  readonly compliance: {
    readonly require: readonly ComplianceCheckName[];
    /** Tags that a version must bear: the policy's and the project's. */
    readonly tags: readonly string[];
    readonly slices: SliceRule | null;
    /** A duration such as `30d`: the newest training row may be at most this old at the as-of. */
    readonly maxDataAge: string | null;
    readonly allowWithoutGit: boolean;
  };
  readonly comparison: {
    readonly metric: 'auc';
    /** The least gain that is worth a change. */
    readonly margin: number;
    readonly confidence: number;
    readonly block: 'day';
    /** Path of the baseline's SQL in the project. */
    readonly baselineSql: string;
  };
  readonly approval: {
    readonly approvers: readonly string[];
    readonly quorum: Quorum;
    readonly proof: Proof;
    readonly evidenceDigest: 'required' | 'optional';
    /** A duration such as `48h`, wall time. */
    readonly expiresAfter: string;
  };
  readonly rollback: { readonly by: readonly string[] };
}

/** How messages name the two files. */
export interface PolicyFileNames {
  readonly project: string;
  readonly policy: string;
}

/**
 * Holds a project against the environment's policy.
 *
 * @throws SuperstepError InvalidProject when the project loosens a rule; the message lists each with both values
 */
export function holdAgainstPolicy(
  definition: ProjectDefinition,
  policy: Policy,
  names: PolicyFileNames = { project: 'project.yaml', policy: "the environment's policy" },
): EffectiveGates {
  const loosened = POLICY_FIELDS.flatMap((field: PolicyField) => loosening(field, definition, policy));
  if (loosened.length > 0) {
    throw new SuperstepError('InvalidProject', loosened.map((entry) => looseningText(entry, names)).join('\n'), {
      loosened: loosened.map(({ field, found, demanded }) => ({ ...field, found: found ?? null, demanded })),
    });
  }
  return effectiveGates(definition, policy);
}

interface Loosening {
  readonly field: PolicyField & { readonly project: string };
  readonly found: unknown;
  readonly demanded: unknown;
}

function loosening(field: PolicyField, definition: ProjectDefinition, policy: Policy): Loosening[] {
  const { project } = field;
  // Lists of more are joined, so that a project cannot take anything away by leaving it out.
  if (project === undefined || field.tightens === 'more') return [];
  const found = fieldAt(definition, project);
  // Slices that are missing altogether are reported once, at their floor.
  if (found === undefined && project === 'gates.compliance.slices.min_rows') return [];
  const demanded = fieldAt(policy, field.policy);
  return atLeastAsTight(field.tightens, found, demanded) ? [] : [{ field: { ...field, project }, found, demanded }];
}

function looseningText({ field, found, demanded }: Loosening, names: PolicyFileNames): string {
  const foundText = found === undefined ? 'nothing' : shown(found);
  const bound = boundWord(field.tightens) + shown(demanded);
  return (
    `${names.project}: ${field.project}: found ${foundText}; expected ${bound}, since ${names.policy} says ` +
    `${field.policy}: ${shown(demanded)} and a project may only tighten it (${directionText(field.tightens)})`
  );
}

function boundWord(direction: Direction): string {
  if (direction === 'higher') return 'at least ';
  return direction === 'lower' || direction === 'shorter' ? 'at most ' : '';
}

function effectiveGates({ gates }: ProjectDefinition, policy: Policy): EffectiveGates {
  const { compliance, comparison, approval, rollback } = policy;
  const slices = gates.compliance.slices;
  return {
    compliance: {
      require: compliance.require,
      tags: [...new Set([...compliance.tags, ...gates.compliance.tags])],
      slices:
        slices === undefined ? null : { by: slices.by, minRows: slices.min_rows, aucAtLeast: slices.auc_at_least },
      maxDataAge: compliance.max_data_age ?? null,
      allowWithoutGit: compliance.allow_without_git,
    },
    comparison: {
      metric: gates.comparison.metric,
      margin: gates.comparison.margin,
      confidence: comparison.confidence,
      block: comparison.block,
      baselineSql: gates.comparison.baseline.sql,
    },
    approval: {
      approvers: approval.approvers,
      quorum: approval.quorum,
      proof: approval.proof,
      evidenceDigest: approval.evidence_digest,
      expiresAfter: approval.expires_after,
    },
    rollback: { by: rollback.by },
  };
}
