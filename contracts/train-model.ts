import type { Estimate } from './gates.ts';
import type { ArtifactRef } from './references.ts';
import type { DatasetRef, ModelFile, PinnedProject, TrainedModel } from './training.ts';

/** Who asked for a model: a person, a schedule, a monitor, a release. */
export const TRIGGERS = ['manual', 'schedule', 'monitor', 'release'] as const;
export type Trigger = (typeof TRIGGERS)[number];

export interface TrainModelInput {
  readonly project: string;
  readonly asOf?: string;
  readonly trigger?: Trigger;
  /** A snapshot of the lake to train on; default the last published at the as-of. */
  readonly snapshot?: number;
}

export interface TrainModelResult {
  readonly outcome: 'registered';
  readonly model: string;
  readonly version: number;
  readonly runId: string;
  readonly snapshot: number;
  readonly onnx: ArtifactRef;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface PrepareTrainingDataInput {
  readonly pinned: PinnedProject;
  /** Default: that of the refresh that is read. */
  readonly asOf?: string;
  readonly snapshot?: number;
}

export interface TrainModelJob {
  readonly pinned: PinnedProject;
  readonly dataset: DatasetRef;
}

export interface CheckParityInput {
  readonly pinned: PinnedProject;
  readonly trained: TrainedModel;
}

/** How far the serving predictor's scores lie from the trainer's, over a held-out sample. */
export interface ParityResult {
  readonly rows: number;
  readonly maxDifference: number;
  readonly tolerance: number;
}

export interface EvaluateModelInput {
  readonly pinned: PinnedProject;
  readonly dataset: DatasetRef;
  readonly trained: ModelFile;
}

/** The held-out window through the artifact that would serve; the long form is in `report`. */
export interface EvaluationSummary {
  readonly auc: Estimate;
  readonly logLoss: number;
  readonly brier: number;
  readonly rows: number;
  readonly positives: number;
  /** JSON of `EvaluationReport`: the curves and the slices. */
  readonly report: ArtifactRef;
  /** JSON of the monitor's baseline profile: bin edges and counts. */
  readonly baselineProfile: ArtifactRef;
}

export interface RegisterTrainedModelInput {
  readonly pinned: PinnedProject;
  readonly workflowId: string;
  readonly asOf: string;
  readonly trigger: Trigger;
  readonly dataset: DatasetRef;
  readonly trained: TrainedModel;
  readonly parity: ParityResult;
  readonly evaluation: EvaluationSummary;
}

export interface LoggedRun {
  readonly runId: string;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface RegisteredVersion {
  readonly model: string;
  readonly version: number;
}
