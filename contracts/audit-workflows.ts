import type { DsseEnvelope } from './dsse.ts';

/** One place that heads of the audit are written to, as the policy names it. */
export type HeadPlaceName = { readonly file: string } | { readonly url: string } | { readonly git: string };

/** Closed runs whose histories were put into the artifact store, before the server's retention deletes them. */
export interface ArchivedHistories {
  readonly archived: number;
}

/** A head, and where the policy wants it written. */
export interface SignedHead {
  readonly sequence: number;
  readonly envelope: DsseEnvelope;
  readonly places: readonly HeadPlaceName[];
}

export interface WriteHeadInput {
  readonly place: HeadPlaceName;
  readonly envelope: DsseEnvelope;
}

export interface WriteAuditHeadResult {
  /** `nowhere-to-write`: the policy names no place. A place that fails makes the workflow fail, after all others. */
  readonly outcome: 'written' | 'nowhere-to-write';
  /** The audit's last row. */
  readonly sequence: number;
  readonly archivedHistories: number;
  readonly places: readonly WrittenPlace[];
}

export interface WrittenPlace {
  readonly place: string;
  readonly status: 'written' | 'unchanged' | 'failed';
  readonly note?: string;
}

/** What reconciliation found; see registry/audit/reconciliation. */
export interface ReconciliationFinding {
  readonly kind: string;
  readonly model: string;
  readonly version: number | null;
  readonly found: string;
  readonly meaning: string;
  readonly repair: string;
}

export interface ReconcileRegistryResult {
  readonly outcome: 'whole' | 'findings';
  /** All of them, also those that `findings` has no room for. */
  readonly count: number;
  readonly findings: readonly ReconciliationFinding[];
}
