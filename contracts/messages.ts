import type { ApprovalRules } from './approval-rules.ts';
import type { Decision } from './decision-statement.ts';
import type { DecisionCommand } from './evidence.ts';
import type { Freeze } from './freeze.ts';

/** Wire names of signals, updates and queries: a contract with whoever types them at the CLI. */
export const MESSAGE_NAMES = {
  approve: 'approve',
  reject: 'reject',
  decide: 'decide',
  status: 'status',
  /** Sent by Superstep itself, to wake a gate whose ground has moved. The registry, not the signal, says what happened. */
  groundMoved: 'groundMoved',
} as const;

/** What the update `decide` answers. */
export interface DecideAnswer {
  readonly decision: Decision;
  readonly counted: boolean;
  /** How many more approvals the gate waits for. */
  readonly missing: number;
  /** Set when this decision closed the gate. */
  readonly outcome?: 'approved' | 'rejected';
}

/** What every workflow's query `status` answers. */
export interface WorkflowStatus {
  readonly phase: string;
  readonly asOf?: string;
  /** The same Markdown as the Web UI's current details. */
  readonly details: string;
  /** Set while a gate waits for a person. */
  readonly waitsFor?: WaitingGate;
}

/** What a person needs to answer a waiting gate. */
export interface WaitingGate {
  readonly evidenceUrl: string;
  readonly evidenceDigest: string;
  readonly commands: readonly DecisionCommand[];
  /** By which the gate counts decisions: whoever signs one takes the ground from here. */
  readonly rules: ApprovalRules;
  /** ISO instant at which the gate closes as `expired`. */
  readonly until: string;
  /** Set while the version is approved and waits for the end of a freeze; a reject still closes the gate. */
  readonly freeze?: Freeze;
}
