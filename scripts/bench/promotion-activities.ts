import { type ComparisonResult, FOLLOWING_STEPS, type PinnedPromotion } from '../../contracts/promote-model.ts';
import type { DatasetActivities } from '../../activities/dataset-activities.ts';
import type { PromotionActivities } from '../../activities/promotion-activities.ts';

export const EVIDENCE_DIGEST = 'ab'.repeat(32);

const FILE = { uri: `artifact:sha256/${EVIDENCE_DIGEST}`, sha256: EVIDENCE_DIGEST, bytes: 1 };
const ESTIMATE = { value: 0.01, lower: 0.005, upper: 0.015 };

/** The activities of a promotion that passes every gate, each answering at once. */
export function promotionActivities() {
  const candidate: PinnedPromotion = {
    environment: 'prod',
    pinned: {
      project: 'bench',
      model: 'bench',
      projectDigest: EVIDENCE_DIGEST,
      policyDigest: EVIDENCE_DIGEST,
      bundle: FILE,
      commit: null,
      clean: null,
    },
    model: 'bench',
    version: 1,
    runId: 'run',
    asOf: '2001-06-01T00:00:00.000Z',
    snapshot: 1,
    approval: { approvers: ['governance'], quorum: 1, evidenceRequired: true, remindEveryMs: 86_400_000 },
    expiresAfterMs: 172_800_000,
    following: FOLLOWING_STEPS,
  };
  const comparison: ComparisonResult = {
    champion: null,
    reference: 'baseline',
    verdict: 'pass',
    challengerAuc: ESTIMATE,
    referenceAuc: ESTIMATE,
    difference: ESTIMATE,
    margin: 0.002,
    confidence: 0.95,
    rows: 1,
    summary: 'A gain.',
    report: FILE,
  };
  const activities = {
    pinPromotion: () => Promise.resolve(candidate),
    checkCompliance: () => Promise.resolve({ gate: 'compliance', verdict: 'pass', checks: [], summary: 'passes' }),
    compareModels: () => Promise.resolve(comparison),
    recordComparison: () => Promise.resolve({ gate: 'comparison', verdict: 'pass', checks: [], summary: 'passes' }),
    prepareEvidence: () =>
      Promise.resolve({ digest: EVIDENCE_DIGEST, document: FILE, page: FILE, url: 'http://127.0.0.1/', commands: [] }),
    openApproval: () => Promise.resolve({ outcome: 'open', requestId: 'request', superseded: [] }),
    recordDecision: () => Promise.resolve(),
    promoteModelVersion: () => Promise.resolve({ outcome: 'promoted', previous: null, steps: [] }),
    tellGate: () => Promise.resolve({ open: true, keys: [] }),
    confirmServing: () => Promise.resolve({ step: 'serve', status: 'done' }),
    rebaseMonitor: () => Promise.resolve({ step: 'rebase-monitor', status: 'done' }),
    notifyPromoted: () => Promise.resolve({ step: 'notify', status: 'done' }),
  } satisfies Partial<PromotionActivities & DatasetActivities>;
  return activities;
}
