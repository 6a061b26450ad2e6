import type { ArtifactRef } from './references.ts';

/** A project and a policy, frozen: everything later steps read comes from the bundle, whatever the folder says by then. */
export interface PinnedProject {
  readonly project: string;
  readonly model: string;
  readonly projectDigest: string;
  readonly policyDigest: string;
  /** JSON of `PinnedBundle`. */
  readonly bundle: ArtifactRef;
  /** Commit of the project's repository; null where there is no git. */
  readonly commit: string | null;
  /** Whether the project's folder equals the commit; null where there is no git. */
  readonly clean: boolean | null;
}

/** Rows for training or evaluation, one a spine row, features joined point in time, sorted by event time and key. */
export interface DatasetRef {
  /** Parquet: the spine's columns, `event_time`, `label` (0/1, where known), and a FLOAT column per feature. */
  readonly data: ArtifactRef;
  readonly rows: number;
  readonly positives: number;
  /** ISO instants: first and last event time, and the first instant of the held-out window. */
  readonly from: string;
  readonly until: string;
  readonly holdoutFrom: string;
  readonly snapshot: number;
  readonly asOf: string;
  readonly features: readonly string[];
  /** Key columns of the spine. */
  readonly key: readonly string[];
}

/** A model to score with. */
export interface ModelFile {
  readonly onnx: ArtifactRef;
  /** Names of its inputs in order, where the file itself has none. */
  readonly features?: readonly string[];
}

/** What training leaves behind. All files are in the artifact store. */
export interface TrainedModel {
  readonly onnx: ArtifactRef;
  /** LightGBM's own text format, for whoever wants to go on from it. */
  readonly native: ArtifactRef;
  /** JSON: features with rows and LightGBM's scores of a held-out sample, for the parity check. */
  readonly paritySample: ArtifactRef;
  /** JSON: mean absolute SHAP value per feature over a held-out sample, largest first. */
  readonly importance: ArtifactRef;
  readonly params: Readonly<Record<string, string | number>>;
  readonly trials: readonly TuningTrial[];
  readonly trainRows: number;
  readonly holdoutRows: number;
}

export interface TuningTrial {
  readonly params: Readonly<Record<string, string | number>>;
  /** AUC on the window before the held-out one. */
  readonly auc: number;
}
