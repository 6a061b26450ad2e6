import type { ApproverNews } from './approval.ts';
import type { DecisionKey, Proof } from './approval-rules.ts';
import type { DecisionMessage } from './decision-message.ts';
import type { Environment } from './environments.ts';
import type { DecisionCommand } from './evidence.ts';
import type { Freeze } from './freeze.ts';
import type { Estimate, GateResult, Verdict } from './gates.ts';
import type { Quorum } from './quorum.ts';
import type { ArtifactRef } from './references.ts';
import type { PinnedProject } from './training.ts';

export interface PromoteModelInput {
  readonly project: string;
  readonly version: number;
  /** Who asks for it: the REST server says who called; by the CLI it is a claim. Default `superstep`. */
  readonly requestedBy?: string;
}

export type PromotionOutcome =
  /** `undone`: promoted, and rolled back since a step after the registry's transaction failed in a way that must not stand. */
  'promoted' | 'failed-compliance' | 'failed-comparison' | 'rejected' | 'expired' | 'superseded' | 'undone';

export interface PromoteModelResult {
  readonly outcome: PromotionOutcome;
  readonly model: string;
  readonly version: number;
  /** The version that was in Production before; null when there was none, or nothing was promoted. */
  readonly previousVersion: number | null;
  readonly gates: readonly GateResult[];
  readonly evidenceDigest: string | null;
  readonly decisions: readonly RecordedDecision[];
  readonly steps: readonly PromotionStep[];
}

/** One step of a promotion and what became of it. */
export interface PromotionStep {
  readonly step: RegistryStep | FollowingStep;
  readonly status: 'done' | 'failed' | 'skipped' | 'undone';
  readonly note?: string;
}

/** What the registry's one transaction does. */
export type RegistryStep = 'archive-previous' | 'close-request' | 'enter-production' | 'record-history';

/** What follows it, in this order. */
export const FOLLOWING_STEPS = ['serve', 'rebase-monitor', 'notify'] as const;
export type FollowingStep = (typeof FOLLOWING_STEPS)[number];

/** How a step that follows went, in the words of its activity. One that must not stand is thrown instead. */
export interface FollowingReport {
  readonly step: FollowingStep;
  readonly status: 'done' | 'failed' | 'skipped';
  readonly note?: string;
}

/** A decision as it came, and what the gate made of it. */
export interface RecordedDecision {
  readonly approver: string;
  readonly decision: string;
  readonly comment: string;
  readonly counted: boolean;
  readonly whyNot?: string;
  readonly via: 'signal' | 'update';
  /** How a counted one was proved, when it was more than claimed. */
  readonly proof?: Exclude<Proof, 'claimed'>;
}

/** What the policy says of the approval; what is absent an earlier version of Superstep has pinned. */
export interface ApprovalPolicy {
  /** Roles. */
  readonly approvers: readonly string[];
  readonly quorum: Quorum;
  readonly evidenceRequired: boolean;
  /** Default `claimed`. */
  readonly proof?: Proof;
  /** Default false. */
  readonly separateRequester?: boolean;
  /** Absent: nobody is reminded. */
  readonly remindEveryMs?: number;
  /** Roles that may decide too once the gate has waited so long. */
  readonly escalate?: { readonly afterMs: number; readonly to: readonly string[] };
}

/** A candidate, pinned: what the gates judge and by which rules. */
export interface PinnedPromotion {
  readonly environment: Environment;
  /** The project as the version was trained from it, with the policy of today. */
  readonly pinned: PinnedProject;
  readonly model: string;
  readonly version: number;
  readonly runId: string;
  readonly asOf: string;
  readonly snapshot: number;
  /** Of the version's ONNX file: sha256, lower-case hex. */
  readonly modelDigest?: string;
  /** Why the version's file cannot be judged at all: compliance fails with it. */
  readonly unusable?: string;
  readonly requester?: string;
  readonly approval: ApprovalPolicy;
  readonly expiresAfterMs: number;
  /** What follows the registry's transaction; absent: `serve` alone, as an earlier version of Superstep has pinned it. */
  readonly following?: readonly FollowingStep[];
}

export interface CandidateInput {
  readonly candidate: PinnedPromotion;
  readonly workflowId: string;
  /** The run: a version may be asked for again later, under the same workflow id. */
  readonly runId: string;
}

export interface CompareModelsInput {
  readonly candidate: PinnedPromotion;
}

/** A candidate against the champion, or against the baseline. */
export interface ComparisonResult {
  /** The Production version at the time, which a promotion expects to find still; null when there was none. */
  readonly champion: number | null;
  /** Who was compared with: the baseline also stands in for a champion that cannot be scored on the candidate's rows. */
  readonly reference: 'champion' | 'baseline';
  readonly verdict: Verdict;
  readonly challengerAuc: Estimate;
  readonly referenceAuc: Estimate;
  readonly difference: Estimate;
  readonly margin: number;
  readonly confidence: number;
  readonly rows: number;
  readonly summary: string;
  /** JSON of both sides' metrics, curves included. */
  readonly report: ArtifactRef;
}

export interface RecordComparisonInput extends CandidateInput {
  readonly comparison: ComparisonResult;
}

export interface PrepareEvidenceInput extends CandidateInput {
  readonly gates: readonly GateResult[];
  readonly comparison: ComparisonResult;
}

/** What the approver looks at. */
export interface PreparedEvidence {
  readonly digest: string;
  readonly document: ArtifactRef;
  readonly page: ArtifactRef;
  readonly url: string;
  /** Shell commands that answer the gate, `decide` first. */
  readonly commands: readonly DecisionCommand[];
}

export interface OpenApprovalInput extends CandidateInput {
  readonly evidence: PreparedEvidence;
  readonly champion: number | null;
  /** The superstep that this promotion is part of: its retraining lease ends when the gate opens. */
  readonly superstep: string | null;
}

export type OpenedApproval =
  | {
      readonly outcome: 'open';
      readonly requestId: string;
      /** Who asked first, as the registry has it. */
      readonly requester?: string;
      /** What decisions may be signed with. */
      readonly keys?: readonly DecisionKey[];
      /** ISO instants: when the registry opened it, and when it expires. Absent: now, and the policy's time later. */
      readonly openedAt?: string;
      readonly until?: string;
      readonly superseded: readonly { readonly version: number; readonly workflowId: string | null }[];
    }
  | { readonly outcome: 'champion-changed'; readonly champion: number | null }
  /** Nothing was changed: the policy is another one by now, and the gates have to judge by that. */
  | { readonly outcome: 'rules-changed' }
  | { readonly outcome: 'superseded' };

export interface RecordDecisionInput extends CandidateInput {
  /** Null when no request was open: the gate never opened. */
  readonly requestId: string | null;
  /** Counts the messages of this run; a replayed message finds its own record. */
  readonly sequence: number;
  readonly message: DecisionMessage | null;
  readonly counted: boolean;
  readonly whyNot?: string;
  readonly via: 'signal' | 'update';
  /** As what it counts: how it was proved, the approver's roles, the key. */
  readonly proof?: Proof;
  readonly roles?: readonly string[];
  readonly keyId?: string;
}

export interface CloseApprovalInput extends CandidateInput {
  readonly requestId: string;
  readonly outcome: 'rejected' | 'expired' | 'cancelled';
  readonly by: string;
  readonly comment: string;
}

/** What people are told of a gate that waits. */
export interface TellGateInput extends CandidateInput {
  readonly requestId: string;
  readonly evidence: PreparedEvidence;
  /** ISO instants. */
  readonly openedAt: string;
  readonly until: string;
  /** An escalation lets the policy's second role decide as well. */
  readonly event: { readonly what: 'remind'; readonly number: number } | { readonly what: 'escalate' };
  /** Whether the second role is asked already. */
  readonly escalated: boolean;
  /** How many more approvals it waits for. */
  readonly missing: number;
}

export interface ToldGate {
  /** False when the request is not open any more: nobody was told. */
  readonly open: boolean;
  /** What decisions may be signed with, the second role's keys among them. */
  readonly keys: readonly DecisionKey[];
}

export interface PromoteVersionInput extends CandidateInput {
  readonly requestId: string;
  readonly evidenceDigest: string;
  readonly champion: number | null;
}

export type PromotedVersion =
  | { readonly outcome: 'promoted'; readonly previous: number | null; readonly steps: readonly PromotionStep[] }
  | { readonly outcome: 'champion-changed'; readonly champion: number | null }
  | { readonly outcome: 'superseded' }
  /** The policy promotes nothing now; all else holds. */
  | { readonly outcome: 'frozen'; readonly freeze: Freeze }
  /** Without those who left and what was signed with revoked keys, the quorum is not reached. */
  | ({ readonly outcome: 'approvals-lapsed' } & ApproverNews);

/** How a request was closed: as asked, or by another hand before. */
export interface ClosedApproval {
  readonly status: 'rejected' | 'expired' | 'cancelled' | 'superseded' | 'approved' | 'open' | 'asked';
}

export interface ApprovalStandingInput extends CandidateInput {
  readonly requestId: string;
  /** Whose decisions count so far. */
  readonly approvers: readonly string[];
}

/** How an open request stands in the registry, asked when a gate is woken; and what has become of keys and approvers. */
export interface ApprovalStanding extends Partial<ApproverNews> {
  readonly request: 'open' | 'closed' | 'superseded';
  readonly champion: number | null;
}

/** A promotion that the registry has done, for the steps that follow it. */
export interface PromotedInput extends CandidateInput {
  readonly requestId: string;
  readonly previous: number | null;
  readonly approvedBy: readonly string[];
  readonly evidence: PreparedEvidence;
}

export interface UndoPromotionInput extends PromotedInput {
  readonly reason: string;
}

export interface UndonePromotion {
  /** False when the version is still in Production. */
  readonly undone: boolean;
  /** What was done, or why it could not be or did not have to. */
  readonly note: string;
  /** Gates that compare with the version that was taken back. */
  readonly waitingGates: readonly string[];
}

export interface ConfirmServingInput {
  readonly model: string;
  readonly version: number;
}
