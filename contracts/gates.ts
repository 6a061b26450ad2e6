import type { ArtifactRef } from './references.ts';

export type GateName = 'compliance' | 'comparison' | 'approval';
export type Verdict = 'pass' | 'fail' | 'inconclusive';

/** A number with its 95 % interval (or the confidence that the policy names). */
export interface Estimate {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** One rule of a gate: what it asks, what it found, what it says. */
export interface GateCheck {
  readonly name: string;
  readonly verdict: Verdict;
  readonly expected: string;
  readonly found: string;
  /** The waiver that lets it pass all the same. */
  readonly waiver?: string;
}

/** What a gate decided and on what. A gate that says no is a result, never an error. */
export interface GateResult {
  readonly gate: GateName;
  readonly verdict: Verdict;
  readonly checks: readonly GateCheck[];
  /** One sentence for a person. */
  readonly summary: string;
  /** The full evidence as JSON, in the artifact store. */
  readonly evidence?: ArtifactRef;
}
