import type { Environment } from './environments.ts';
import type { Estimate, GateResult } from './gates.ts';
import type { TuningTrial } from './training.ts';

/** Counts up with every change that an old reader would misread. */
export const EVIDENCE_SCHEMA = 1;

/**
 * Everything that an approver's decision rests on, as plain JSON. Its digest (sha256 of the canonical JSON) is what an
 * approval names; so the digest, and the commands that carry it, travel beside the evidence and never inside.
 */
export interface CandidateEvidence {
  readonly schema: typeof EVIDENCE_SCHEMA;
  readonly environment: Environment;
  readonly model: string;
  readonly version: number;
  readonly createdFrom: EvidenceOrigin;
  /** Set where a registry client brought the version: `createdFrom` then tells of its evaluation, not of its training. */
  readonly client?: ClientOrigin;
  /** Oldest first; absent for a version that never served. */
  readonly earlierStays?: readonly EarlierStay[];
  readonly data: EvidenceData;
  readonly gates: readonly GateResult[];
  readonly metrics: EvidenceMetrics;
  /** Largest first. */
  readonly importance: readonly FeatureImportance[];
  readonly slices: readonly SliceMetrics[];
  /** The floor that the policy or the project sets for the AUC of each slice. */
  readonly sliceFloor?: number;
  readonly params: Readonly<Record<string, string | number>>;
  readonly trials: readonly TuningTrial[];
  /** The version's files by role, for example `onnx`, `native`, `dataset`. */
  readonly artifacts: Readonly<Record<string, ArtifactDigest>>;
  /** Markdown. */
  readonly modelCard: string;
}

/** A time in which the version was in Production, and how that ended. ISO instants. */
export interface EarlierStay {
  readonly from: string;
  readonly until: string;
  /** Whether a rollback ended it: somebody found that it should not serve. */
  readonly rolledBack: boolean;
  /** Who put another version in its place, and why. */
  readonly by: readonly string[];
  readonly reason: string;
}

/** What the candidate was made from: enough to make it again, bit for bit. */
export interface EvidenceOrigin {
  readonly runId: string;
  readonly projectDigest: string;
  readonly policyDigest: string;
  /** Null where there is no git. */
  readonly commit: string | null;
  readonly clean: boolean | null;
  /** Snapshot of the lake. */
  readonly snapshot: number;
  /** ISO instant; nothing known later was used. */
  readonly asOf: string;
  readonly workflowId: string;
}

/** Where a version of a registry client came from, as far as the client told. */
export interface ClientOrigin {
  /** Empty for one without a name. */
  readonly registeredBy: string;
  /** ISO instant. */
  readonly registeredAt: string;
  /** As the client wrote it. */
  readonly source: string;
  readonly run: { readonly runId: string; readonly name: string; readonly experiment: string } | null;
  /** The run's tags about its code and who ran it: `mlflow.source.git.commit` and the like. */
  readonly code: Readonly<Record<string, string>>;
  /** What is not known of it, a sentence each. */
  readonly missing: readonly string[];
}

/** The data window: [trainFrom, holdoutFrom) trains, [holdoutFrom, until] judges. ISO instants. */
export interface EvidenceData {
  readonly trainFrom: string;
  readonly holdoutFrom: string;
  readonly until: string;
  readonly trainRows: number;
  readonly holdoutRows: number;
  /** Positives among the held-out rows. */
  readonly positives: number;
  readonly newestTrainingRowAgeDays: number;
}

/** Challenger and reference on the same rows. */
export interface EvidenceMetrics {
  readonly challenger: ModelMetrics;
  readonly reference: EvidenceReference;
  /** AUC of the challenger minus AUC of the reference, paired. */
  readonly difference: Estimate;
  /** The least gain that is worth a change. */
  readonly margin: number;
  /** Of every interval, for example 0.95. */
  readonly confidence: number;
}

/** The champion, or the project's baseline where there is no Production version, or one that these rows do not fit. */
export interface EvidenceReference {
  readonly kind: 'champion' | 'baseline';
  /** The version in Production, also where the baseline stands in for it. */
  readonly version?: number;
  readonly metrics: ModelMetrics;
}

export interface ModelMetrics {
  readonly auc: Estimate;
  readonly logLoss: number;
  readonly brier: number;
  readonly rows: number;
  readonly positives: number;
  /** Days with rows: the blocks of the interval. */
  readonly days: number;
  /** Points (false positive rate, true positive rate) from (0, 0) to (1, 1). */
  readonly roc: readonly (readonly [number, number])[];
  readonly calibration: readonly CalibrationBin[];
}

/** Mean predicted probability and observed rate of the rows in a bin. */
export interface CalibrationBin {
  readonly predicted: number;
  readonly observed: number;
  readonly count: number;
}

export interface FeatureImportance {
  readonly feature: string;
  /** In log-odds. */
  readonly meanAbsShap: number;
  /** Of the sum over all features, 0 to 1. */
  readonly share: number;
}

export interface SliceMetrics {
  /** For example `origin=ATL`. */
  readonly slice: string;
  readonly rows: number;
  readonly auc: Estimate;
}

export interface ArtifactDigest {
  readonly sha256: string;
  readonly bytes: number;
}

/** A command that answers the waiting gate, exactly as a person can paste it. */
export interface DecisionCommand {
  /** For example `Approve`. */
  readonly purpose: string;
  readonly command: string;
}
