import type { PinnedPromotion } from './promote-model.ts';
import type { ArtifactRef } from './references.ts';
import type { EvaluationSummary } from './train-model.ts';
import type { DatasetRef } from './training.ts';

/** What `pinPromotion` answers for a version that a registry client brought: it has no lineage of ours yet. */
export interface NeedsAdoption {
  readonly needsAdoption: true;
}

export interface BeginAdoptionInput {
  readonly input: unknown;
  /** ISO instant. */
  readonly now: string;
}

/** A client's version, pinned as far as it can be before it is evaluated. */
export interface BegunAdoption {
  /** `unusable` where it has no file that can be evaluated. */
  readonly candidate: PinnedPromotion;
  readonly onnx: ArtifactRef | null;
  /** Names of the file's inputs, from the signature in its `MLmodel`; null where the signature has no columns. */
  readonly columns: readonly string[] | null;
}

export interface RecordAdoptionInput extends BegunAdoption {
  readonly workflowId: string;
  readonly dataset: DatasetRef;
  readonly evaluation: EvaluationSummary;
}
