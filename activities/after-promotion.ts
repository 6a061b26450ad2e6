import type {
  FollowingReport,
  PromotedInput,
  UndonePromotion,
  UndoPromotionInput,
} from '../contracts/promote-model.ts';
import type { Registry } from '../registry/registry.ts';
import { findLineage } from './training-inputs.ts';

const BASELINE_PROFILE = 'baseline-profile.json';

/**
 * Sees that the monitor can judge what is in Production now. Nothing is stored for that: `monitorModel` takes the
 * profile of the version that made a window's predictions, so that it follows a promotion and a rollback alike.
 */
export async function rebaseMonitor(
  registry: Registry,
  { candidate: { model, version } }: PromotedInput,
): Promise<FollowingReport> {
  const lineage = await findLineage(registry, await registry.getModelVersion(model, version));
  const profile = lineage?.run.artifacts[BASELINE_PROFILE];
  if (profile === undefined) {
    const note = `version ${version} has no ${BASELINE_PROFILE}: its windows cannot be monitored`;
    return { step: 'rebase-monitor', status: 'skipped', note };
  }
  const note = `windows that version ${version} scores are compared with its profile ${profile.sha256.slice(0, 12)}`;
  return { step: 'rebase-monitor', status: 'done', note };
}

/** Tells that the version is in Production: what, by whom, in whose place, on which evidence. */
export async function notifyPromoted(registry: Registry, promoted: PromotedInput): Promise<FollowingReport> {
  const { candidate, workflowId, runId, requestId, previous, approvedBy, evidence } = promoted;
  const { model, version } = candidate;
  const by = approvedBy.join(', ');
  await registry.tellPromoted({
    ...{ model, version, requestId, workflowId, workflowRunId: runId, by },
    comment: `approved by ${by}; ${previous === null ? 'the first in Production' : `took the place of version ${previous}`}`,
    evidenceDigest: evidence.digest,
    details: { previous, approvedBy, evidenceUrl: evidence.url },
  });
  return { step: 'notify', status: 'done' };
}

/** Puts the version before back into Production; whatever another hand has put there meanwhile stays. */
export async function undoPromotion(registry: Registry, input: UndoPromotionInput): Promise<UndonePromotion> {
  const { candidate, workflowId, requestId, reason, previous } = input;
  const { model, version } = candidate;
  const back = await registry.rollBack({
    naturalKey: `undo-promotion/${requestId}`,
    model,
    onlyFrom: version,
    reason: `the promotion could not be completed: ${reason}`,
    requestedBy: 'superstep',
    allowed: ['superstep'],
    workflowId,
  });
  if (back.outcome === 'rolled-back') {
    const gates = [...back.cancelled, ...(await registry.openApprovals(model))];
    return { undone: true, note: `version ${back.to} is back`, waitingGates: gates.map((gate) => gate.workflowId) };
  }
  const current = (await registry.productionVersion(model))?.version ?? null;
  if (current !== version)
    return { undone: true, note: `by now it is version ${current ?? 'none'}, which stays`, waitingGates: [] };
  const note = previous === null ? 'there is no version to go back to' : `version ${previous} cannot come back`;
  return { undone: false, note: `${note}; version ${version} stays in Production`, waitingGates: [] };
}
