import { durationMs } from '../contracts/durations.ts';
import { PROOFS } from '../contracts/approval-rules.ts';
import type { Quorum } from '../contracts/quorum.ts';

/**
 * Which way a rule gets tighter: a number `higher` or `lower`, a duration `shorter`, a list with `more` or `fewer`
 * entries, `fixed` where any other value is another rule, `free` where none is stricter, `places` of a quorum, or a
 * ladder of values from loose to tight.
 */
export type Direction =
  | 'higher'
  | 'lower'
  | 'shorter'
  | 'more'
  | 'fewer'
  | 'fixed'
  | 'free'
  | 'places'
  | { readonly ladder: readonly unknown[] };

/** A field of policies/<environment>.yaml, and the field of project.yaml that may tighten it. */
export interface PolicyField {
  readonly policy: string;
  /** Undefined where the policy alone decides. */
  readonly project?: string;
  readonly tightens: Direction;
}

/** The rules of a policy. docs/policies.md and docs/project-file.md say the same in words; a test holds them in step. */
export const POLICY_FIELDS = [
  { policy: 'compliance.require', tightens: 'more' },
  { policy: 'compliance.tags', project: 'gates.compliance.tags', tightens: 'more' },
  { policy: 'compliance.slices.auc_at_least', project: 'gates.compliance.slices.auc_at_least', tightens: 'higher' },
  { policy: 'compliance.slices.min_rows_at_most', project: 'gates.compliance.slices.min_rows', tightens: 'lower' },
  { policy: 'compliance.max_data_age', tightens: 'shorter' },
  { policy: 'compliance.allow_without_git', tightens: { ladder: [true, false] } },
  { policy: 'comparison.margin_at_least', project: 'gates.comparison.margin', tightens: 'higher' },
  { policy: 'comparison.confidence', tightens: 'higher' },
  { policy: 'comparison.block', project: 'gates.comparison.block', tightens: 'fixed' },
  { policy: 'rollback.by', tightens: 'fewer' },
  { policy: 'approval.approvers', tightens: 'fewer' },
  { policy: 'approval.quorum', tightens: 'places' },
  { policy: 'approval.proof', tightens: { ladder: PROOFS } },
  { policy: 'approval.separate_requester', tightens: { ladder: [false, true] } },
  { policy: 'approval.evidence_digest', tightens: { ladder: ['optional', 'required'] } },
  { policy: 'approval.expires_after', tightens: 'shorter' },
  { policy: 'approval.remind_every', tightens: 'free' },
  { policy: 'approval.escalate.after', tightens: 'free' },
  { policy: 'approval.escalate.to', tightens: 'free' },
] as const satisfies readonly PolicyField[];

/** A direction as docs and messages say it. */
export function directionText(direction: Direction): string {
  switch (direction) {
    case 'higher':
    case 'lower':
    case 'shorter':
      return `${direction} tightens`;
    case 'more':
    case 'fewer':
      return `${direction} entries tighten`;
    case 'fixed':
      return 'fixed';
    case 'free':
      return '–';
    case 'places':
      return 'more places tighten';
    default: {
      const tightest = direction.ladder.at(-1);
      return direction.ladder.length === 1 ? 'fixed' : `\`${String(tightest)}\` tightens`;
    }
  }
}

/** Whether a value of a rule is as tight as another, or tighter. An absent rule is the loosest. */
export function atLeastAsTight(direction: Direction, value: unknown, than: unknown): boolean {
  if (direction === 'free' || than === undefined) return true;
  if (value === undefined) return false;
  switch (direction) {
    case 'higher':
      return (value as number) >= (than as number);
    case 'lower':
      return (value as number) <= (than as number);
    case 'shorter':
      return durationMs(value as string) <= durationMs(than as string);
    case 'more':
      return (than as readonly unknown[]).every((entry) => (value as readonly unknown[]).includes(entry));
    case 'fewer':
      return (value as readonly unknown[]).every((entry) => (than as readonly unknown[]).includes(entry));
    case 'fixed':
      return value === than;
    case 'places':
      return fillsAtLeast(value as Quorum, than as Quorum);
    default:
      return direction.ladder.indexOf(value) >= direction.ladder.indexOf(than);
  }
}

/** A number asks for that many approvers of any role; a record for so many of each. */
function fillsAtLeast(quorum: Quorum, than: Quorum): boolean {
  if (typeof than === 'number') return placesOf(quorum) >= than;
  if (typeof quorum === 'number') return false;
  return Object.entries(than).every(([role, places]) => (quorum[role] ?? 0) >= places);
}

/** How many approvers a quorum asks for. */
export function placesOf(quorum: Quorum): number {
  return typeof quorum === 'number' ? quorum : Object.values(quorum).reduce((sum, places) => sum + places, 0);
}

/** The value at a dotted path of a definition or a policy; undefined where there is none. */
export function fieldAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, part) =>
        typeof inner === 'object' && inner !== null ? (inner as Readonly<Record<string, unknown>>)[part] : undefined,
      value,
    );
}
