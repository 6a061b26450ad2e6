import type { Decision, DecisionCondition } from '../../contracts/decision-statement.ts';
import type { Caller } from '../identity/caller.ts';
import type { TransitionRequest } from '../open-requests.ts';
import type { VersionName } from '../version-notes.ts';

/** What a gate made of a decision. */
export type GateAnswer =
  | {
      readonly counted: true;
      /** How many more approvals the gate waits for. */
      readonly missing: number;
    }
  | {
      readonly counted: false;
      readonly whyNot: string;
      readonly failure: 'InvalidInput' | 'NotAuthorized' | 'StaleDecision';
    };

/** A rollback that somebody asked for, by the id of its asking. */
export interface RollbackToStart {
  readonly model: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly ask: string;
}

/** The workflows behind the requests: the registry's face asks them, and never writes for them. */
export interface GateWorkflows {
  /**
   * Starts `promoteModel` for a version under its recommended id; one that runs already is found and goes on.
   * Answers the workflow's id.
   */
  readonly startPromotion: (input: VersionName & { readonly requestedBy: string }) => Promise<string>;
  /** Starts `rollBackModel` under an id of its own. Answers the workflow's id. */
  readonly startRollback: (input: RollbackToStart) => Promise<string>;
  /** Sends a decision to a waiting gate by the update `decide` and answers what the gate made of it. */
  readonly decide: (input: { readonly workflowId: string; readonly message: unknown }) => Promise<GateAnswer>;
  /** Lets gates look at the registry again. One that has ended meanwhile is no fault. */
  readonly wake: (workflowIds: readonly string[]) => Promise<void>;
}

/** Builds the message that proves to a gate what an authenticated caller has decided. */
export type AttestDecision = (act: {
  readonly caller: Caller;
  readonly request: TransitionRequest;
  readonly decision: Decision;
  readonly comment: string;
  readonly conditions: readonly DecisionCondition[];
}) => Promise<unknown>;
