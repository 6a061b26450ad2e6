import type { Policy } from '../../contracts/schemas/policy.ts';
import type { Act } from '../models/act.ts';
import type { Registry } from '../registry.ts';
import type { AttestDecision, GateWorkflows } from './gate-workflows.ts';
import type { RestCall } from './route.ts';

/** What routes about registered models work with. */
export interface ModelRoutesDeps {
  readonly registry: Registry;
  /** The environment's policy of today. */
  readonly policy: () => Promise<Policy>;
  readonly gates: GateWorkflows;
  readonly now: () => Date;
  /** Gets what went wrong after the answer was certain. */
  readonly report: (error: unknown, request: string) => void;
}

/** What routes about requests for a stage work with. */
export interface TransitionRoutesDeps extends ModelRoutesDeps {
  readonly attest: AttestDecision;
}

const BROKEN_BY_COMMENT = /^break-glass:\s*/i;

/**
 * Who acts by hand in a call, and under which policy. The reason for breaking the glass stands in a field of its own,
 * or in a comment that begins with "break-glass:": an ordinary comment never opens anything.
 */
export async function actOf({ fields, caller }: RestCall, { policy }: Pick<ModelRoutesDeps, 'policy'>): Promise<Act> {
  const comment = fields.optionalText('comment') ?? '';
  const inComment = BROKEN_BY_COMMENT.test(comment) ? comment.replace(BROKEN_BY_COMMENT, '') : undefined;
  const { direct_changes: directChanges } = await policy();
  return { caller, directChanges, breakGlassReason: fields.optionalText('break_glass_reason') ?? inComment };
}

/**
 * Wakes gates after their ground was changed. The change is done and stays: a gate that cannot be reached now finds out
 * when it acts, since the registry has the last word.
 */
export async function wakeGates(
  { gates, report }: Pick<ModelRoutesDeps, 'gates' | 'report'>,
  workflowIds: readonly string[],
): Promise<void> {
  if (workflowIds.length === 0) return;
  await gates.wake(workflowIds).catch((error: unknown) => report(error, `wake ${workflowIds.join(', ')}`));
}
