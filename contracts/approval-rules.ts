import type { DecisionGround } from './decision-statement.ts';
import type { Quorum } from './quorum.ts';

/** How an approver shows who it is, from weak to strong. */
export const PROOFS = ['claimed', 'token', 'signature'] as const;
export type Proof = (typeof PROOFS)[number];

/** A public key that decisions may be signed with, and whose it is. */
export interface DecisionKey {
  /** First 16 hex digits of the sha256 of the raw public key. */
  readonly keyId: string;
  /** A person's name, or the environment's registry for a server key. */
  readonly owner: string;
  /** The owner's roles for the model in question; a server key has none of its own. */
  readonly roles: readonly string[];
  /** Ed25519, raw, 64 lower-case hex digits. */
  readonly publicKey: string;
  /** A `server` key speaks for approvers that the server has authenticated, a `person`'s for its owner alone. */
  readonly kind: 'server' | 'person';
}

/** By which rules a gate counts decisions. */
export interface ApprovalRules {
  /** Roles that may decide. */
  readonly approvers: readonly string[];
  readonly quorum: Quorum;
  /** Roles among them that fill any place of a quorum by role: those that were asked since the others did not answer. */
  readonly standIns?: readonly string[];
  /** The least that counts: a stronger proof is as good. */
  readonly proof: Proof;
  /** Who asked for the promotion. */
  readonly requester: string;
  /** Whether the requester's own decision counts for nothing. */
  readonly separateRequester: boolean;
  /** Whether a decision that is not signed must name the evidence. */
  readonly evidenceRequired: boolean;
  readonly ground: DecisionGround;
  /** What decisions may be signed with: keys that are not revoked, of people who are still there. */
  readonly keys: readonly DecisionKey[];
}

/** The rules once a gate has waited too long: other roles may decide too, in anybody's place. */
export function escalatedRules(rules: ApprovalRules, to: readonly string[]): ApprovalRules {
  return { ...rules, approvers: [...new Set([...rules.approvers, ...to])], standIns: to };
}

/** Whether a proof is at least as strong as what is asked for. */
export function provesEnough(proof: Proof, asked: Proof): boolean {
  return PROOFS.indexOf(proof) >= PROOFS.indexOf(asked);
}
