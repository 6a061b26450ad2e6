/** Who looked at what is in Production, and what they say. */
export interface ProductionReview {
  readonly by: string;
  readonly comment: string;
}

export interface RecertifyModelsInput {
  /** Default: every model with a version in Production. */
  readonly model?: string;
  /** The review that the policy asks for from time to time. */
  readonly review?: ProductionReview;
}

/** Something that would not pass today. */
export interface RecertificationFinding {
  readonly kind: 'compliance' | 'approval' | 'condition' | 'review';
  readonly finding: string;
  readonly remedy: string;
}

export interface RecertifiedModel {
  readonly model: string;
  readonly version: number;
  readonly findings: readonly RecertificationFinding[];
}

export interface RecertifyModelsResult {
  readonly outcome: 'certified' | 'findings' | 'nothing-in-production';
  readonly models: readonly RecertifiedModel[];
}

export interface RecertifyModelInput {
  readonly model: string;
  readonly review: ProductionReview | null;
  readonly workflowId: string;
  readonly runId: string;
}
