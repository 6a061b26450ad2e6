/**
 * The approval gate's rule, pure and total: whatever a message holds, it is read, judged and answered; nothing a
 * person or a script sends can throw inside the workflow. The workflow, the update's validator and the tests use it.
 */

export type Decision = 'approve' | 'reject';

/** What `approve` and `reject` carry; `decide` carries `decision` beside it. */
export interface DecisionMessage {
  readonly decision: Decision;
  /** A role, as the environment's policy lists it. A claim, not a proof. */
  readonly approver: string;
  readonly comment: string;
  /** The evidence digest shown where the gate waits; its first 12 hex digits will do. */
  readonly evidence: string;
}

/** Why a gate counts or does not count a message, in words for the person who sent it. */
export type Judgement =
  | { readonly counts: true }
  | {
      readonly counts: false;
      readonly whyNot: string;
      readonly failure: 'InvalidInput' | 'NotAuthorized' | 'StaleDecision';
    };

export interface ApprovalRules {
  readonly approvers: readonly string[];
  readonly quorum: number;
  readonly evidenceDigest: string;
  readonly evidenceRequired: boolean;
}

export interface ApprovalState {
  /** `early` before the evidence is shown, `open` while it waits, `closed` afterwards. */
  readonly phase: 'early' | 'open' | 'closed';
  readonly rules?: ApprovalRules;
  readonly counted: readonly DecisionMessage[];
}

export type ApprovalOutcome = 'approved' | 'rejected';

export const SHORTEST_DIGEST = 12;
export const LONGEST_COMMENT = 4_000;
const LONGEST_NAME = 100;

export const noDecisions: ApprovalState = { phase: 'early', counted: [] };

/**
 * Reads a message of unknown shape. What is missing or of the wrong type becomes empty text and what is too long is
 * cut, so that {@link judgeDecision} can say what is wrong with it.
 */
export function readDecision(payload: unknown, decision?: Decision): DecisionMessage | undefined {
  const fields = typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : {};
  const stated = decision ?? fields['decision'];
  if (stated !== 'approve' && stated !== 'reject') return undefined;
  return {
    decision: stated,
    approver: text(fields['approver'], LONGEST_NAME),
    comment: text(fields['comment'], LONGEST_COMMENT + 1),
    evidence: text(fields['evidence'], LONGEST_NAME).toLowerCase(),
  };
}

/** Whether the gate, as it stands, counts the message. */
export function judgeDecision(state: ApprovalState, message: DecisionMessage | undefined): Judgement {
  if (message === undefined) return no('InvalidInput', 'no decision in it; expected "decision": "approve" or "reject"');
  if (state.phase === 'early' || state.rules === undefined) {
    return no('StaleDecision', 'the gate is not open yet: its evidence has not been shown; decide again once it waits');
  }
  if (state.phase === 'closed') return no('StaleDecision', 'the gate is closed');
  const { approvers, evidenceDigest, evidenceRequired } = state.rules;
  if (message.approver === '') {
    return no('InvalidInput', `it names no approver; expected "approver": one of ${approvers.join(', ')}`);
  }
  if (!approvers.includes(message.approver)) {
    return no('NotAuthorized', `"${message.approver}" is no approver here; the policy lists ${approvers.join(', ')}`);
  }
  if (message.comment.trim() === '') return no('InvalidInput', 'it has no comment; say why, for either answer');
  if (message.comment.length > LONGEST_COMMENT)
    return no('InvalidInput', `its comment is longer than ${LONGEST_COMMENT} characters`);
  if (message.evidence === '' && evidenceRequired) {
    return no(
      'InvalidInput',
      `it names no evidence; expected "evidence": "${evidenceDigest.slice(0, SHORTEST_DIGEST)}"`,
    );
  }
  if (message.evidence !== '' && !namesDigest(message.evidence, evidenceDigest)) {
    return no(
      'StaleDecision',
      `it is about other evidence (${message.evidence}); the gate waits on ${evidenceDigest.slice(0, SHORTEST_DIGEST)}`,
    );
  }
  if (state.counted.some((earlier) => earlier.approver === message.approver)) {
    return no('StaleDecision', `${message.approver} has decided already; an approver counts once`);
  }
  return { counts: true };
}

/** The state after a message that counts. */
export function countDecision(state: ApprovalState, message: DecisionMessage): ApprovalState {
  return { ...state, counted: [...state.counted, message] };
}

/** One reject closes the gate; a quorum of approvals passes it; undefined while it waits. */
export function approvalOutcome(state: ApprovalState): ApprovalOutcome | undefined {
  if (state.counted.some((message) => message.decision === 'reject')) return 'rejected';
  return state.rules !== undefined && approvalsMissing(state) === 0 ? 'approved' : undefined;
}

/** How many more approvals the gate waits for. */
export function approvalsMissing(state: ApprovalState): number {
  const approvals = state.counted.filter((message) => message.decision === 'approve').length;
  return Math.max(0, (state.rules?.quorum ?? 1) - approvals);
}

/** Whether what an approver wrote is the digest, or its first 12 digits or more. */
export function namesDigest(evidence: string, digest: string): boolean {
  return evidence.length >= SHORTEST_DIGEST && digest.startsWith(evidence.toLowerCase());
}

function no(failure: 'InvalidInput' | 'NotAuthorized' | 'StaleDecision', whyNot: string): Judgement {
  return { counts: false, whyNot, failure };
}

function text(value: unknown, longest: number): string {
  return typeof value === 'string' ? value.slice(0, longest) : '';
}
