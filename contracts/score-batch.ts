import type { ArtifactRef } from './references.ts';
import type { ModelFile, PinnedProject } from './training.ts';

export interface ScoreBatchInput {
  readonly project: string;
  /** Event times in [from, until); default the last complete monitor window before now. */
  readonly from?: string;
  readonly until?: string;
  /** Write the predictions to a file as well, under the environment's `exports` folder. */
  readonly sink?: ScoreSink;
}

export interface ScoreSink {
  readonly format: 'parquet' | 'csv';
  /** A path relative to the environment's `exports` folder. */
  readonly path: string;
}

export interface ScoreBatchResult {
  readonly outcome: 'scored' | 'no-production' | 'no-rows';
  readonly from: string;
  readonly until: string;
  readonly rows: number;
  readonly table: string | null;
  readonly snapshot: number | null;
  readonly model: string;
  readonly version: number | null;
  readonly file?: string;
}

/** The Production version that a batch is scored with, pinned by digest. */
export interface ScoringModel extends ModelFile {
  readonly model: string;
  readonly version: number;
  /** The project as that version was trained from it: its spine and features, not those of the folder today. */
  readonly pinned: PinnedProject;
}

export interface ScoringWindow {
  readonly pinned: PinnedProject;
  readonly scoring: ScoringModel;
  readonly from: string;
  readonly until: string;
}

export interface ScoringRows {
  readonly data: ArtifactRef;
  readonly rows: number;
  readonly snapshot: number;
  readonly asOf: string;
}

export interface ScoreRowsInput {
  readonly scoring: ScoringModel;
  readonly data: ArtifactRef;
}

export interface ScoredRows {
  readonly scores: ArtifactRef;
  readonly rows: number;
}

export interface PublishPredictionsInput extends ScoringWindow {
  readonly rows: ScoringRows;
  readonly scored: ScoredRows;
}

export interface PublishedPredictions {
  readonly table: string;
  readonly snapshot: number;
}

export interface ExportPredictionsInput extends ScoringWindow {
  readonly sink: ScoreSink;
}
