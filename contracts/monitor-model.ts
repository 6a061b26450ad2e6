import type { Estimate } from './gates.ts';
import type { PinnedProject } from './training.ts';

export interface MonitorModelInput {
  readonly project: string;
  readonly from?: string;
  readonly until?: string;
  /** Labels known by then count; default now. */
  readonly asOf?: string;
}

export type MonitorVerdict = 'healthy' | 'drifted' | 'degraded' | 'insufficient-data';
export type MonitorAction = 'none' | 'alert' | 'retrain';

export interface MonitorModelResult {
  readonly outcome: MonitorVerdict;
  readonly action: MonitorAction;
  readonly reasons: readonly string[];
  readonly window: WindowSummary;
  /** Id of the superstep that was started, if one was. */
  readonly retraining: string | null;
}

/** A monitored window in numbers. */
export interface WindowSummary {
  readonly from: string;
  readonly until: string;
  readonly rows: number;
  readonly labelledShare: number;
  /** Mean label of the labelled rows. */
  readonly labelMean: number | null;
  readonly quality: Estimate | null;
  readonly baselineQuality: Estimate | null;
  /** Largest PSI over features and score. */
  readonly driftScore: number | null;
  readonly driftedColumns: readonly string[];
  readonly model: string;
  /** The version whose predictions were judged; null when there are none. */
  readonly version: number | null;
}

export interface MonitorWindowInput {
  readonly pinned: PinnedProject;
  readonly from: string;
  readonly until: string;
  readonly asOf: string;
}

export interface MonitoredWindow {
  readonly verdict: MonitorVerdict;
  readonly reasons: readonly string[];
  readonly summary: WindowSummary;
  /** Share of the window's rows that expectations refused, and whether one stopped a refresh. */
  readonly dataQuality: { readonly refusedShare: number; readonly stopped: boolean };
}

export interface DecideRetrainingInput {
  readonly pinned: PinnedProject;
  readonly monitored: MonitoredWindow;
  readonly asOf: string;
}

export interface RetrainingDecision {
  readonly action: MonitorAction;
  readonly reasons: readonly string[];
  /** Id of the superstep to start, derived from the window. */
  readonly retraining: string | null;
}
