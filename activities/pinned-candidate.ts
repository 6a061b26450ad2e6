import { durationMs } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { GateBasis } from '../contracts/gate-basis.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { FOLLOWING_STEPS, type PinnedPromotion, type PromoteModelInput } from '../contracts/promote-model.ts';
import { WORKFLOW_INPUTS } from '../contracts/schemas/workflow-inputs.ts';
import type { ModelVersionRecord } from '../registry/model-versions.ts';
import type { Registry } from '../registry/registry.ts';
import { parseInput } from './project-activities.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';
import { pinUnderTodaysPolicy } from './todays-policy.ts';
import { findLineage } from './training-inputs.ts';

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

/**
 * Pins a version as its gates judge it now: the project as it was trained from it, by the policy of today. Undefined for
 * one that a registry client brought, until it was evaluated.
 *
 * @throws InvalidProject when the project, as it was then, loosens the policy of today
 */
export async function pinVersion(
  deps: PromotionDependencies,
  { record, requestedBy }: VersionToPromote,
): Promise<PinnedPromotion | undefined> {
  const lineage = await findLineage(deps.registry, record);
  if (lineage === undefined) return undefined;
  const { inputs, run, onnx } = lineage;
  const { pinned, bundle } = await pinUnderTodaysPolicy(deps, record.model, inputs.pinned);
  return {
    environment: deps.environment,
    pinned,
    model: record.model,
    version: record.version,
    runId: run.runId,
    asOf: inputs.dataset.asOf,
    snapshot: inputs.dataset.snapshot,
    modelDigest: onnx.sha256,
    ...(requestedBy === undefined ? {} : { requester: requestedBy }),
    ...pinnedRules(bundle),
  };
}

/**
 * The candidate of a workflow as the registry knows it: pinned anew, by the policy of today.
 *
 * @throws StaleDecision when its gates have judged another file, or another evaluation of it
 */
export async function pinAgain(deps: PromotionDependencies, candidate: PinnedPromotion): Promise<PinnedPromotion> {
  const { model, version, modelDigest, snapshot, requester: requestedBy } = candidate;
  const record = await deps.registry.getModelVersion(model, version);
  const present = await pinVersion(deps, { record, requestedBy });
  const isJudged = present?.snapshot === snapshot && (modelDigest ?? present.modelDigest) === present.modelDigest;
  if (present !== undefined && isJudged) return present;
  const found = present === undefined ? 'none' : `${present.modelDigest ?? 'none'} on snapshot ${present.snapshot}`;
  throw new SuperstepError(
    'StaleDecision',
    `the gates of ${model} version ${version} have judged file ${modelDigest ?? '?'} on snapshot ${snapshot}, and the registry has ${found} now; start promoteModel anew`,
    { model, version },
  );
}

/** What a gate of this candidate is opened on, for the registry to keep. */
export function gateBasis(candidate: PinnedPromotion): GateBasis {
  const { environment, modelDigest = '', snapshot, pinned, approval } = candidate;
  return { environment, modelDigest, snapshot, policyDigest: pinned.policyDigest, approval };
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
