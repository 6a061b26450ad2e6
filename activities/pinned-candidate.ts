import { durationMs } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { FOLLOWING_STEPS, type PinnedPromotion, type PromoteModelInput } from '../contracts/promote-model.ts';
import { WORKFLOW_INPUTS } from '../contracts/schemas/workflow-inputs.ts';
import type { ModelVersionRecord } from '../registry/model-versions.ts';
import type { Registry } from '../registry/registry.ts';
import { parseInput } from './project-activities.ts';

/** The version that a promotion is about. */
export interface VersionToPromote {
  readonly record: ModelVersionRecord;
  readonly requestedBy: string | undefined;
}

/**
 * The version that was asked for.
 *
 * @throws UnknownModel, or IllegalTransition for one that is in Production already
 */
export async function versionToPromote(registry: Registry, input: unknown): Promise<VersionToPromote> {
  const parsed: PromoteModelInput = parseInput(
    'promoteModel',
    WORKFLOW_INPUTS.promoteModel,
    input,
  ) as PromoteModelInput;
  const record = await registry.getModelVersion(parsed.project, parsed.version);
  if (record.stage !== 'Production') return { record, requestedBy: parsed.requestedBy };
  throw new SuperstepError(
    'IllegalTransition',
    `${record.model} version ${record.version} is in Production already; there is nothing to promote`,
  );
}

/** The rules of the policy that a candidate's gates hold, and what follows them. */
export function pinnedRules({
  policy,
}: PinnedBundle): Pick<PinnedPromotion, 'approval' | 'expiresAfterMs' | 'following'> {
  const { approvers, quorum, proof, separate_requester, evidence_digest, expires_after } = policy.approval;
  const { remind_every, escalate } = policy.approval;
  return {
    approval: {
      approvers,
      quorum,
      proof,
      separateRequester: separate_requester,
      evidenceRequired: evidence_digest === 'required',
      ...(remind_every === undefined ? {} : { remindEveryMs: durationMs(remind_every) }),
      ...(escalate === undefined ? {} : { escalate: { afterMs: durationMs(escalate.after), to: escalate.to } }),
    },
    expiresAfterMs: durationMs(expires_after),
    following: FOLLOWING_STEPS,
  };
}
