import type { PinnedProject } from './training.ts';

export interface RefreshFeaturesInput {
  readonly project: string;
  /** The instant the refresh pretends that it is; default now. */
  readonly asOf?: string;
  /** Rebuild from the sources instead of adding what became known since. */
  readonly full?: boolean;
}

export interface RefreshFeaturesResult {
  readonly outcome: 'refreshed' | 'no-new-data' | 'stopped-by-expectation';
  readonly asOf: string;
  /** The lake's snapshot to read; for `no-new-data` the one that is there already. */
  readonly snapshot: number | null;
  readonly tables: readonly RefreshedTable[];
  readonly expectations: readonly ExpectationCount[];
  /** For `stopped-by-expectation`: the rule that stopped it, as `table.rule`. */
  readonly stoppedBy?: string;
}

export interface RefreshedTable {
  readonly table: string;
  /** Rows that this refresh added, replaced ones included. */
  readonly rows: number;
  /** Rows in the table now. */
  readonly total: number;
}

export interface ExpectationCount {
  readonly table: string;
  readonly name: string;
  readonly action: 'drop' | 'quarantine' | 'stop';
  readonly broken: number;
  readonly total: number;
}

/** What one refresh will do; made once, then followed to the letter by every retry. */
export interface RefreshPlan {
  readonly outcome: 'refresh' | 'no-new-data';
  /** The natural key of the lake commit. */
  readonly key: string;
  readonly project: string;
  readonly asOf: string;
  readonly full: boolean;
  /** The refresh it builds on; null for the first. */
  readonly base: { readonly snapshot: number; readonly asOf: string } | null;
  readonly sourceFiles: Readonly<Record<string, readonly string[]>>;
  /** In build order: bronze, silver, then feature views as `gold.<view>`. */
  readonly tables: readonly string[];
  readonly newRows: number;
  readonly surfacedRows: number;
}

/** A table of a plan, written to files that the lake has not adopted yet. */
export interface StagedTable {
  readonly table: string;
  readonly rows: number;
  readonly file: string;
  readonly replacedKeysFile?: string;
  readonly quarantineFile?: string;
  readonly expectations: readonly Omit<ExpectationCount, 'table'>[];
  /** Name of the expectation that stops the refresh. */
  readonly stopped?: string;
}

export interface PublishedRefresh {
  readonly snapshot: number;
  readonly tables: readonly RefreshedTable[];
  readonly expectations: readonly ExpectationCount[];
}

export interface PlanRefreshInput {
  readonly pinned: PinnedProject;
  readonly asOf: string;
  readonly full: boolean;
}

export interface StageTableInput {
  readonly pinned: PinnedProject;
  readonly plan: RefreshPlan;
  readonly table: string;
  readonly staged: readonly StagedTable[];
}

export interface AdoptRefreshInput {
  readonly pinned: PinnedProject;
  readonly plan: RefreshPlan;
  readonly staged: readonly StagedTable[];
}
