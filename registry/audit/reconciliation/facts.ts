import type { Stage } from '../../stages.ts';

/** How a workflow id stands on the Temporal server. */
export interface WorkflowStanding {
  /** `gone`: the server knows no run of this id (any more). */
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out' | 'gone';
  /** Of the latest run; null for one that is gone. */
  readonly runId: string | null;
}

/** How a file of the artifact store was found. */
export type ArtifactStanding = 'intact' | 'missing' | 'damaged';

export interface VersionFact {
  readonly model: string;
  readonly version: number;
  readonly stage: Stage;
  /** Sha256 of the file that serves; null for a version without one. */
  readonly onnx: string | null;
  /** Where the audit last says that it went; null when the audit does not know it. */
  readonly stageByAudit: Stage | null;
}

export interface RequestFact {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly toStage: string;
  readonly status: string;
  readonly evidenceDigest: string | null;
  readonly workflowId: string | null;
  /** The run that opened it, where its key says so. */
  readonly openedByRun: string | null;
  /** Counted approvals. */
  readonly approvals: number;
}

export interface StayFact {
  readonly model: string;
  readonly version: number;
  readonly enteredAt: string;
  readonly leftAt: string | null;
  readonly enteredThrough: string;
  readonly requestId: string | null;
  /** Whether the audit has a row of this version's entry at that instant. */
  readonly inAudit: boolean;
}

export interface CountedDecisionFact {
  readonly model: string;
  readonly version: number;
  readonly approver: string;
  readonly decision: string;
  readonly recordedAt: string;
  readonly inAudit: boolean;
}

export interface LeaseFact {
  readonly model: string;
  readonly holder: string;
  readonly expiresAt: string;
}

/** All that the rules look at: what the registry says. */
export interface RegistryFacts {
  readonly versions: readonly VersionFact[];
  readonly requests: readonly RequestFact[];
  readonly stays: readonly StayFact[];
  readonly decisions: readonly CountedDecisionFact[];
  /** Those that have not run out. */
  readonly leases: readonly LeaseFact[];
}

/** What is so outside of the registry: workflows by id, artifacts by sha256. */
export interface WorldFacts {
  readonly environment: string;
  readonly workflows: ReadonlyMap<string, WorkflowStanding>;
  readonly artifacts: ReadonlyMap<string, ArtifactStanding>;
}
