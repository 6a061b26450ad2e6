import type { Environment } from './environments.ts';
import type { PinnedProject } from './training.ts';
import type { WorkflowType } from './workflow-ids.ts';

/** The first activity of a workflow: its input as it came, to be parsed, and the project and policy to be pinned. */
export interface AcceptInput {
  readonly workflow: Exclude<
    WorkflowType,
    'promoteModel' | 'rollBackModel' | 'recertifyModels' | 'writeAuditHead' | 'reconcileRegistry' | 'deliverEvents'
  >;
  /** What the caller sent, of any shape. */
  readonly input: unknown;
  /** ISO instant at which the run started, or for which a schedule started it. */
  readonly now: string;
}

export interface AcceptedInput<Input> {
  readonly input: Input;
  /** The input's as-of, or `now`. */
  readonly asOf: string;
  readonly pinned: PinnedProject;
  readonly environment: Environment;
}
