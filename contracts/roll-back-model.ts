export interface RollBackModelInput {
  readonly model: string;
  readonly reason: string;
  /**
   * A role that the environment's policy lists under `rollback.by`, where its `approval.proof` takes names for proof. With
   * `ask`: who asked.
   */
  readonly requestedBy: string;
  /**
   * The asking over REST that this carries out, as the registry's server gave its id. Where the policy wants to know who
   * decides, nothing is rolled back without one. It serves once.
   */
  readonly ask?: string;
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
