import { type ApprovalRules, type DecisionKey, type Proof, provesEnough } from './approval-rules.ts';
import { COMMENT_PLACEHOLDER, type DecisionMessage, LONGEST_COMMENT } from './decision-message.ts';
import { readSignedStatement, whyStale } from './decision-statement.ts';
import { type DsseEnvelope, isSignedBy } from './dsse.ts';
import { approversMissing } from './quorum.ts';

/**
 * The approval gate's rule, pure and total: whatever a message holds, it is read, judged and answered; nothing a
 * person or a script sends can throw inside the workflow. The workflow, the update's validator, the registry's
 * promotion and the tests use it.
 */

/** Why a gate counts or does not count a message, in words for the person who sent it. */
export type Judgement = Standing | Refusal;

/** As what a message counts. */
export interface Standing {
  readonly counts: true;
  readonly proof: Proof;
  /** Of the approver. */
  readonly roles: readonly string[];
  /** What it was signed with. */
  readonly keyId?: string;
}

interface Refusal {
  readonly counts: false;
  readonly whyNot: string;
  readonly failure: 'InvalidInput' | 'NotAuthorized' | 'StaleDecision';
}

export type CountedDecision = DecisionMessage & Omit<Standing, 'counts'>;

export interface ApprovalState {
  /** `early` before the evidence is shown, `open` while it waits, `closed` afterwards. */
  readonly phase: 'early' | 'open' | 'closed';
  readonly rules?: ApprovalRules;
  readonly counted: readonly CountedDecision[];
}

export type ApprovalOutcome = 'approved' | 'rejected';

export const SHORTEST_DIGEST = 12;

export const noDecisions: ApprovalState = { phase: 'early', counted: [] };

/** Whether the gate, as it stands, counts the message. */
export function judgeDecision(state: ApprovalState, message: DecisionMessage | undefined): Judgement {
  if (message === undefined) return no('InvalidInput', 'no decision in it; expected "decision": "approve" or "reject"');
  if (state.phase === 'early' || state.rules === undefined) {
    return no('StaleDecision', 'the gate is not open yet: its evidence has not been shown; decide again once it waits');
  }
  if (state.phase === 'closed') return no('StaleDecision', 'the gate is closed');
  const { rules } = state;
  if (message.problem !== undefined) return no('InvalidInput', message.problem);
  const proved = message.envelope === undefined ? judgeClaim(rules, message) : judgeStatement(rules, message.envelope);
  if (!proved.counts) return proved;
  const content = judgeContent(rules, message);
  if (content !== undefined) return content;
  if (rules.separateRequester && message.approver === rules.requester) {
    return no(
      'NotAuthorized',
      `${message.approver} asked for this promotion; the policy wants somebody else to decide`,
    );
  }
  if (state.counted.some((earlier) => earlier.approver === message.approver)) {
    return no('StaleDecision', `${message.approver} has decided already; an approver counts once`);
  }
  // Last, since it takes a thousand times as long as all the rest.
  if (message.envelope === undefined || isGenuine(rules, message.envelope)) return proved;
  return no('NotAuthorized', 'its signature is not of the key that it names, or not over this statement');
}

/** The state after a message that counts. */
export function countDecision(state: ApprovalState, message: DecisionMessage, standing: Standing): ApprovalState {
  const { counts: _, ...counted } = standing;
  return { ...state, counted: [...state.counted, { ...message, ...counted }] };
}

/** One reject closes the gate; a quorum of approvals passes it; undefined while it waits. */
export function approvalOutcome(state: ApprovalState): ApprovalOutcome | undefined {
  if (state.counted.some((message) => message.decision === 'reject')) return 'rejected';
  return state.rules !== undefined && approvalsMissing(state) === 0 ? 'approved' : undefined;
}

/** How many more approvals the gate waits for. */
export function approvalsMissing(state: ApprovalState): number {
  if (state.rules === undefined) return 1;
  const approvals = state.counted.filter((message) => message.decision === 'approve');
  const { quorum, approvers, standIns = [] } = state.rules;
  const everyPlace = typeof quorum === 'number' ? [] : Object.keys(quorum);
  const places = approvals
    .map(({ roles }) => roles.filter((role) => approvers.includes(role)))
    .filter((roles) => roles.length > 0)
    .map((roles) => (holdsOne(roles, standIns) ? [...new Set([...roles, ...everyPlace])] : roles));
  return approversMissing(quorum, places);
}

/** What has become of keys and approvers since the gate opened. */
export interface ApproverNews {
  readonly keys: readonly DecisionKey[];
  /** Names whose access was revoked. */
  readonly left: readonly string[];
}

/**
 * The state after keys and people changed, and the decisions that count no longer: of somebody who left or holds no
 * approver's role any more, or signed with a key that was revoked.
 */
export function refreshApprovers(
  state: ApprovalState,
  { keys, left }: ApproverNews,
): { readonly state: ApprovalState; readonly lapsed: readonly CountedDecision[] } {
  if (state.rules === undefined) return { state, lapsed: [] };
  const { approvers } = state.rules;
  const present = state.counted.map((decision) => ({ decision, roles: rolesNow(decision, keys) }));
  const stands = ({ decision, roles }: (typeof present)[number]): boolean =>
    !left.includes(decision.approver) && holdsOne(roles, approvers);
  return {
    state: {
      ...state,
      rules: { ...state.rules, keys },
      counted: present.filter(stands).map(({ decision, roles }) => ({ ...decision, roles })),
    },
    lapsed: present.filter((entry) => !stands(entry)).map(({ decision }) => decision),
  };
}

/** Whether what an approver wrote is the digest, or its first 12 digits or more. */
export function namesDigest(evidence: string, digest: string): boolean {
  return evidence.length >= SHORTEST_DIGEST && digest.startsWith(evidence.toLowerCase());
}

function judgeClaim({ approvers, proof }: ApprovalRules, { approver }: DecisionMessage): Judgement {
  if (proof !== 'claimed') {
    const wanted = proof === 'token' ? 'the proof of a token' : "the approver's signature";
    return no('NotAuthorized', `it only claims to be of "${approver}"; the policy asks for ${wanted}: npm run decide`);
  }
  if (approver === '') {
    return no('InvalidInput', `it names no approver; expected "approver": one of ${approvers.join(', ')}`);
  }
  if (!approvers.includes(approver)) {
    return no('NotAuthorized', `"${approver}" is no approver here; the policy lists ${approvers.join(', ')}`);
  }
  return { counts: true, proof, roles: [approver] };
}

/** Everything about a signed statement but its signature. */
function judgeStatement(rules: ApprovalRules, envelope: DsseEnvelope): Judgement {
  const read = readSignedStatement(envelope);
  if (!read.ok) return no('InvalidInput', read.problem);
  const stale = whyStale(read.value.statement, rules.ground);
  if (stale !== undefined) return no('StaleDecision', stale);
  const { proof, approver, roles: stated } = read.value.statement.predicate;
  if (!provesEnough(proof, rules.proof)) {
    return no('NotAuthorized', `its proof is a ${proof}; the policy asks for the approver's ${rules.proof}`);
  }
  const key = keyOf(rules, envelope);
  if (key === undefined) {
    const { keyid } = envelope.signatures[0];
    return no('NotAuthorized', `it is signed with key ${keyid}, which is unknown here, or revoked`);
  }
  if ((key.kind === 'server') !== (proof === 'token')) {
    return no('NotAuthorized', `it says "proof": "${proof}", but key ${key.keyId} is of a ${key.kind}`);
  }
  if (proof === 'signature' && key.owner !== approver) {
    return no('NotAuthorized', `it names ${approver}, but key ${key.keyId} is ${key.owner}'s`);
  }
  const roles = proof === 'token' ? (stated ?? []) : key.roles;
  if (!holdsOne(roles, rules.approvers)) {
    const wanted = rules.approvers.join(', ');
    return no('NotAuthorized', `${approver} is no approver here; the policy lists the roles ${wanted}`);
  }
  return { counts: true, proof, roles, keyId: key.keyId };
}

function judgeContent(rules: ApprovalRules, { comment, evidence, envelope }: DecisionMessage): Refusal | undefined {
  if (comment.trim() === '') return no('InvalidInput', 'it has no comment; say why, for either answer');
  if (comment.trim() === COMMENT_PLACEHOLDER)
    return no('InvalidInput', `its comment is still ${COMMENT_PLACEHOLDER}; put your reason in its place`);
  if (comment.length > LONGEST_COMMENT)
    return no('InvalidInput', `its comment is longer than ${LONGEST_COMMENT} characters`);
  if (envelope !== undefined) return undefined;
  const { evidenceDigest } = rules.ground;
  if (evidence === '' && rules.evidenceRequired) {
    return no(
      'InvalidInput',
      `it names no evidence; expected "evidence": "${evidenceDigest.slice(0, SHORTEST_DIGEST)}"`,
    );
  }
  if (evidence === '' || namesDigest(evidence, evidenceDigest)) return undefined;
  return no(
    'StaleDecision',
    `it is about other evidence (${evidence}); the gate waits on ${evidenceDigest.slice(0, SHORTEST_DIGEST)}`,
  );
}

function isGenuine(rules: ApprovalRules, envelope: DsseEnvelope): boolean {
  const key = keyOf(rules, envelope);
  return key !== undefined && isSignedBy(envelope, key.publicKey);
}

function keyOf({ keys }: ApprovalRules, envelope: DsseEnvelope): DecisionKey | undefined {
  return keys.find(({ keyId }) => keyId === envelope.signatures[0].keyid);
}

/** The roles that a counted decision has by now; none when its key was revoked. */
function rolesNow({ keyId, proof, roles }: CountedDecision, keys: readonly DecisionKey[]): readonly string[] {
  if (keyId === undefined) return roles;
  const key = keys.find((candidate) => candidate.keyId === keyId);
  if (key === undefined) return [];
  return proof === 'signature' ? key.roles : roles;
}

function holdsOne(roles: readonly string[], approvers: readonly string[]): boolean {
  return roles.some((role) => approvers.includes(role));
}

function no(failure: Refusal['failure'], whyNot: string): Refusal {
  return { counts: false, whyNot, failure };
}
