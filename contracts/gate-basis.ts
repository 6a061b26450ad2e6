import type { ApprovalPolicy, PinnedPromotion } from './promote-model.ts';

/**
 * What a gate was opened on and by which rules it counts, as the registry found both. It is kept with the request:
 * what a workflow says later of either is not asked for, so that nobody who schedules activities can choose it.
 */
export interface GateBasis {
  readonly environment: PinnedPromotion['environment'];
  /** Of the version's ONNX file: sha256, lower-case hex. */
  readonly modelDigest: string;
  /** Snapshot of the lake that the evaluation rests on. */
  readonly snapshot: number;
  /** Of the whole policy that was in force when the gate opened. */
  readonly policyDigest: string;
  /** What that policy says of the model. */
  readonly approval: ApprovalPolicy;
}
