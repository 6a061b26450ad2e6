export interface RollBackModelInput {
  readonly model: string;
  readonly reason: string;
  /** A role that the environment's policy lists under `rollback.by`. */
  readonly requestedBy: string;
}

export interface RollBackModelResult {
  readonly outcome: 'rolled-back' | 'nothing-to-roll-back-to';
  readonly model: string;
  readonly from: number | null;
  readonly to: number | null;
}

export interface RollBackVersionInput {
  /** What the caller sent, of any shape. */
  readonly input: unknown;
  readonly workflowId: string;
  readonly runId: string;
}

export interface RolledBackVersion extends RollBackModelResult {
  /** Gates that wait on a comparison with the version that was rolled back. */
  readonly waitingGates: readonly string[];
}
