import { isDeepStrictEqual } from 'node:util';
import type { NeedsAdoption } from '../contracts/adopt-version.ts';
import type { GateResult } from '../contracts/gates.ts';
import type {
  ApprovalStanding,
  ApprovalStandingInput,
  CandidateInput,
  CloseApprovalInput,
  ClosedApproval,
  ConfirmServingInput,
  OpenApprovalInput,
  OpenedApproval,
  PinnedPromotion,
  PreparedEvidence,
  PrepareEvidenceInput,
  FollowingReport,
  PromotedInput,
  PromotedVersion,
  PromoteVersionInput,
  RecordComparisonInput,
  RecordDecisionInput,
  TellGateInput,
  ToldGate,
  UndonePromotion,
  UndoPromotionInput,
} from '../contracts/promote-model.ts';
import type { RolledBackVersion, RollBackVersionInput } from '../contracts/roll-back-model.ts';
import { WORKFLOW_INPUTS } from '../contracts/schemas/workflow-inputs.ts';
import { candidateRules, everyApprover, NOBODY_NAMED } from '../contracts/candidate-rules.ts';
import { shiftInstant } from '../contracts/durations.ts';
import { canonicalJson, sha256Hex } from '../registry/canonical-json.ts';
import { checkCompliance, unusableModel } from '../registry/compliance-gate.ts';
import { applyWaivers } from '../registry/governance/waivers.ts';
import type { PromoteInput } from '../registry/promotion.ts';
import type { Registry } from '../registry/registry.ts';
import { complianceFacts } from './compliance-facts.ts';
import { prepareEvidence } from './evidence.ts';
import { notifyPromoted, rebaseMonitor, undoPromotion } from './after-promotion.ts';
import { confirmServing } from './confirm-serving.ts';
import { gateDetails, tellGate } from './tell-gate.ts';
import { parseInput } from './project-activities.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';
import { readBundle } from './pinned-bundles.ts';
import { gateBasis, pinAgain, pinVersion, versionToPromote } from './pinned-candidate.ts';
import { policyForModel, todaysPolicy } from './todays-policy.ts';

export type PromotionActivities = ReturnType<typeof createPromotionActivities>;

/** The registry's side of a promotion: gates are recorded, requests opened and closed, versions moved. */
export function createPromotionActivities(deps: PromotionDependencies) {
  const { registry, artifacts } = deps;
  return {
    /**
     * Pins the candidate: the project as it was trained from, judged by the policy of today. A version that a registry
     * client brought must be evaluated first.
     */
    async pinPromotion({ input }: { readonly input: unknown }): Promise<PinnedPromotion | NeedsAdoption> {
      return (await pinVersion(deps, await versionToPromote(registry, input))) ?? { needsAdoption: true };
    },

    /** Checks the version against the policy; pass moves it to Staging, fail to Archived, each check becomes a tag. */
    async checkCompliance(subject: CandidateInput): Promise<GateResult> {
      const { unusable } = subject.candidate;
      if (unusable !== undefined) {
        const result = unusableModel(subject.candidate, unusable);
        await recordGate(registry, subject, result, 'Archived');
        return result;
      }
      const facts = await complianceFacts({ registry, artifacts }, subject.candidate);
      const { definition, policy } = await readBundle(artifacts, subject.candidate.pinned);
      const { model, version } = subject.candidate;
      const waivers = await registry.activeWaivers(model, version, new Date().toISOString());
      const checked = checkCompliance(facts, policy.compliance, definition.gates.compliance);
      const result = applyWaivers(checked, waivers);
      await recordGate(registry, subject, result, result.verdict === 'fail' ? 'Archived' : 'Staging');
      return result;
    },

    async recordComparison({ comparison, ...subject }: RecordComparisonInput): Promise<GateResult> {
      const { difference, margin, champion, reference, verdict, summary, report } = comparison;
      const standsInFor = champion === null ? '' : ` in place of version ${champion}`;
      const range = `${difference.lower.toFixed(4)} to ${difference.upper.toFixed(4)}`;
      const result: GateResult = {
        gate: 'comparison',
        verdict,
        summary: `${summary} Compared with ${reference === 'champion' ? `version ${champion}` : `the baseline${standsInFor}`}.`,
        checks: [
          {
            name: 'auc',
            verdict,
            expected: `lower bound above 0, gain of at least ${margin}`,
            found: `${difference.value.toFixed(4)} (${range})`,
          },
        ],
        evidence: report,
      };
      await recordGate(registry, subject, result, verdict === 'fail' ? 'Archived' : undefined);
      return result;
    },

    prepareEvidence: (input: PrepareEvidenceInput): Promise<PreparedEvidence> => prepareEvidence(deps, input),

    /**
     * Opens the gate, by the rules of the policy in force, on the file that the registry has: what the workflow says of
     * either must be the same.
     *
     * @throws StaleDecision when the version has another file by now, or was evaluated anew
     */
    async openApproval({
      candidate,
      workflowId,
      runId,
      evidence,
      champion,
      superstep,
    }: OpenApprovalInput): Promise<OpenedApproval> {
      const { model, version } = candidate;
      const present = await pinAgain(deps, candidate);
      const { approval, expiresAfterMs } = present;
      const isOpen = (await registry.openApprovals(model)).some(
        (gate) => gate.version === version && gate.evidenceDigest === evidence.digest,
      );
      // An earlier try may have opened it, by the rules of then; it stays as it was opened.
      if (!isOpen && !isDeepStrictEqual(present.pinned, candidate.pinned)) return { outcome: 'rules-changed' };
      const opened = await registry.openApproval({
        naturalKey: `production/${model}/${version}/${evidence.digest}/${runId}`,
        model,
        version,
        evidenceDigest: evidence.digest,
        expectedChampion: champion,
        workflowId,
        requestedBy: candidate.requester ?? NOBODY_NAMED,
        basis: gateBasis(present),
        ...(superstep === null ? {} : { releaseLeaseOf: superstep }),
        announce: {
          details: gateDetails(candidate, evidence, approval.approvers),
          expiresAfterMs,
        },
      });
      if (opened.outcome !== 'open') return opened;
      const { requestedBy: requester } = await registry.getTransitionRequest(opened.requestId);
      const { keys } = await registry.approverNews(model, everyApprover(approval), []);
      const { openedAt } = opened;
      const until = openedAt === undefined ? {} : { until: shiftInstant(openedAt, expiresAfterMs) };
      return { ...opened, ...until, requester, keys };
    },

    /** How the request and its ground stand now, and what has become of keys and approvers. */
    async approvalStanding({ candidate, requestId, approvers }: ApprovalStandingInput): Promise<ApprovalStanding> {
      const request = await registry.getTransitionRequest(requestId);
      const champion = (await registry.productionVersion(candidate.model))?.version ?? null;
      const standing = request.status === 'open' || request.status === 'superseded' ? request.status : 'closed';
      return {
        request: standing,
        champion,
        ...(await registry.approverNews(candidate.model, everyApprover(candidate.approval), approvers)),
      };
    },

    /** Every message is kept, counted or not, with the reason. */
    async recordDecision(input: RecordDecisionInput): Promise<void> {
      const { candidate, runId, requestId, sequence, message, counted, whyNot, via, proof, roles, keyId } = input;
      await registry.recordDecision({
        // With its content: after a reset that leaves messages out, another one may bear the same number.
        naturalKey: `${requestId ?? runId}/${sequence}/${sha256Hex(canonicalJson(message))}`,
        model: candidate.model,
        version: candidate.version,
        requestId,
        approver: message?.approver ?? '',
        decision: message?.decision ?? '',
        comment: message?.comment ?? '',
        evidence: message?.evidence ?? '',
        counted,
        ...(whyNot === undefined ? {} : { whyNot }),
        receivedVia: via,
        ...(proof === undefined ? {} : { proof }),
        ...(roles === undefined ? {} : { roles }),
        ...(keyId === undefined ? {} : { keyId }),
        ...(message?.envelope === undefined ? {} : { envelope: message.envelope }),
        ...(message?.conditions === undefined ? {} : { conditions: message.conditions }),
      });
    },

    async closeApproval({ requestId, outcome, by, comment }: CloseApprovalInput): Promise<ClosedApproval> {
      const { status } = await registry.closeApproval({ requestId, outcome, by, comment });
      return { status };
    },

    /**
     * One registry transaction, which checks that the ground is still what was compared and approved. Whether a freeze
     * holds says the policy of today: one may have been ordered, or lifted, since the gate opened.
     */
    async promoteModelVersion({
      candidate,
      workflowId,
      requestId,
      evidenceDigest,
      champion,
    }: PromoteVersionInput): Promise<PromotedVersion> {
      const { policy } = await todaysPolicy(deps);
      return registry.promote({
        naturalKey: `promote/${requestId}`,
        model: candidate.model,
        version: candidate.version,
        requestId,
        evidenceDigest,
        expectedChampion: champion,
        ...(await rulesOfBefore(deps, candidate, { requestId, evidenceDigest })),
        freeze: policy.freeze,
        workflowId,
      });
    },

    tellGate: (input: TellGateInput): Promise<ToldGate> => tellGate(registry, input),

    /** The serving switch: another one must answer `failed` for what may stand, and throw for what must not. */
    confirmServing: (input: ConfirmServingInput): Promise<FollowingReport> => confirmServing(deps.endpointUrl, input),
    rebaseMonitor: (input: PromotedInput): Promise<FollowingReport> => rebaseMonitor(registry, input),
    notifyPromoted: (input: PromotedInput): Promise<FollowingReport> => notifyPromoted(registry, input),
    undoPromotion: (input: UndoPromotionInput): Promise<UndonePromotion> => undoPromotion(registry, input),

    /**
     * Puts the previous Production back. Who may have it done, and how that must be shown, says the policy of today for
     * the model: not the input, which is a claim.
     */
    async rollBackVersion({ input, workflowId, runId }: RollBackVersionInput): Promise<RolledBackVersion> {
      const { model, reason, requestedBy, ask } = parseInput('rollBackModel', WORKFLOW_INPUTS.rollBackModel, input);
      const policy = await policyForModel(deps, (await todaysPolicy(deps)).policy, model);
      const rolledBack = await registry.rollBack({
        naturalKey: `roll-back/${workflowId}/${runId}`,
        model,
        reason,
        requestedBy,
        allowed: policy.rollback.by,
        proof: policy.approval.proof,
        ...(ask === undefined ? {} : { ask }),
        workflowId,
      });
      if (rolledBack.outcome !== 'rolled-back')
        return { outcome: rolledBack.outcome, model, from: null, to: null, waitingGates: [] };
      const { outcome, from, to, cancelled } = rolledBack;
      const gates = [...cancelled, ...(await registry.openApprovals(model))];
      return {
        outcome,
        model,
        from,
        to,
        waitingGates: gates.map((gate) => gate.workflowId).filter((id) => id !== null),
      };
    },
  };
}

/** By which rules a gate counts that an earlier version opened, without keeping them: those of the policy of today. */
async function rulesOfBefore(
  deps: PromotionDependencies,
  candidate: PinnedPromotion,
  opened: { readonly requestId: string; readonly evidenceDigest: string },
): Promise<Pick<PromoteInput, 'rules'>> {
  const { basis } = await deps.registry.getTransitionRequest(opened.requestId);
  if (basis !== null) return {};
  const escalated = await deps.registry.wasEscalated(opened.requestId);
  return { rules: candidateRules(await pinAgain(deps, candidate), { ...opened, keys: [], escalated }) };
}

async function recordGate(
  registry: Registry,
  { candidate, workflowId, runId }: CandidateInput,
  result: GateResult,
  then: 'Staging' | 'Archived' | undefined,
): Promise<void> {
  const { model, version, pinned } = candidate;
  const failed = result.checks.filter((check) => check.verdict !== 'pass').map((check) => check.name);
  await registry.recordGate({
    naturalKey: `${runId}/${result.gate}/${pinned.policyDigest}/${result.evidence?.sha256 ?? candidate.snapshot}`,
    model,
    version,
    gate: result.gate,
    verdict: result.verdict,
    summary: result.summary,
    checks: result.checks,
    ...(result.evidence === undefined ? {} : { evidence: result.evidence }),
    tags: Object.fromEntries(result.checks.map((check) => [`${result.gate}.${check.name}`, check.verdict])),
    comment: `${result.gate}: ${result.verdict}. ${result.summary}${failed.length === 0 ? '' : ` Not passed: ${failed.join(', ')}.`}`,
    ...(then === undefined ? {} : { then }),
    by: 'superstep',
    workflowId,
  });
}
