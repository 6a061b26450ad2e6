import type { Estimate } from '../contracts/gates.ts';
import type { MonitorVerdict } from '../contracts/monitor-model.ts';
import type { MonitorDefinition } from '../contracts/schemas/project.ts';
import { aucEstimate } from '../learning/day-jackknife.ts';
import { classSizes, scoreHistogram, type ScoreHistogramRow } from '../learning/score-histogram.ts';
import { scoreHistogramSql } from '../learning/score-histogram-sql.ts';
import type { BaselineProfile } from './baseline-profile.ts';
import { measureDrift, type ColumnDrift } from './column-drift.ts';
import type { Query } from './column-profile.ts';
import { driftMetricRows, profileMetricRows, type MetricRow, type WindowQuality } from './metric-tables.ts';
import { judgeWindow, type MonitorWindow } from './verdict.ts';
import { baselineColumns, profileWindow } from './window-profile.ts';

export interface MonitorRequest {
  /**
   * Predictions with the labels known at the as-of, as may stand after FROM: the baseline's features, `score`, `label`
   * (0, 1 or NULL) and `event_time` (TIMESTAMP, UTC). Rows outside of the window are left out; rows that the version
   * was trained or evaluated on are the caller's to leave out.
   */
  readonly relation: string;
  readonly baseline: BaselineProfile;
  readonly definition: MonitorDefinition;
  readonly window: MonitorWindow;
  readonly asOf: string;
  readonly model: string;
  readonly modelVersion: number;
  /** Lake snapshot of `relation`, for the metric rows. */
  readonly snapshot?: number;
}

/** What a monitor found in a window. Plain JSON, below 60 kB up to 24 features. */
export interface MonitorReport {
  readonly rows: number;
  /** Distinct days, UTC, with at least one of the rows. */
  readonly coveredDays: number;
  /** Share of the rows with a label; 0 without rows. */
  readonly labelledShare: number;
  /** Mean label of the labelled rows; null without any. */
  readonly labelMean: number | null;
  /** AUC with a 95 % interval by days; null without both labels. */
  readonly quality: Estimate | null;
  readonly baselineQuality: Estimate;
  /** By column, features first, then the score; empty without rows. */
  readonly drift: readonly ColumnDrift[];
  /** Largest PSI; null without rows. */
  readonly driftScore: number | null;
  readonly driftedColumns: readonly string[];
  readonly verdict: MonitorVerdict;
  readonly reasons: readonly string[];
  /** For the project's `profile_metrics` and `drift_metrics` tables. */
  readonly metricRows: { readonly profile: readonly MetricRow[]; readonly drift: readonly MetricRow[] };
}

const CONFIDENCE = 0.95;

/**
 * Profiles a window, measures drift and quality, judges both under the project's definition and writes the rows of the
 * metric tables down. Four queries; the same rows give the same report.
 */
export async function monitorWindow(query: Query, request: MonitorRequest): Promise<MonitorReport> {
  const { baseline, definition, window, asOf } = request;
  const relation = windowRelation(request.relation, window);
  const profile = await profileWindow(query, relation, baseline);
  const coveredDays = await daysCovered(query, relation);
  const quality = await windowQuality(query, relation, profile.rows);
  const drift = profile.rows === 0 ? [] : measureDrift(baselineColumns(baseline), profile.columns, definition.drift);
  const { rows } = profile;
  const evidence = { window, asOf, rows, coveredDays, ...quality, baselineQuality: baseline.quality, drift };
  const { verdict, reasons } = judgeWindow(evidence, definition);
  const context = {
    ...{ window, asOf, verdict, granularity: definition.window, snapshot: request.snapshot ?? null },
    ...{ model: request.model, modelVersion: request.modelVersion },
  };
  const { value, lower, upper } = baseline.quality;
  return {
    rows,
    coveredDays,
    ...quality,
    baselineQuality: { value, lower, upper },
    drift,
    driftScore: drift.length === 0 ? null : Math.max(...drift.map(({ psi }) => psi)),
    driftedColumns: drift.filter(({ drifted }) => drifted).map(({ column }) => column),
    verdict,
    reasons,
    metricRows: {
      profile: profileMetricRows(context, profile, quality),
      drift: driftMetricRows(context, { baseline, profile, drift }, definition.drift.psi_at_least),
    },
  };
}

function windowRelation(relation: string, { from, until }: MonitorWindow): string {
  const instant = (text: string): string =>
    `TIMESTAMP '${new Date(text).toISOString().replace('T', ' ').replace('Z', '')}'`;
  return `(SELECT * FROM ${relation} AS predictions WHERE event_time >= ${instant(from)} AND event_time < ${instant(until)})`;
}

async function daysCovered(query: Query, relation: string): Promise<number> {
  const [row] = await query(`SELECT count(DISTINCT event_time::DATE)::DOUBLE AS days FROM ${relation}`);
  return Number(row?.['days'] ?? 0);
}

async function windowQuality(query: Query, relation: string, rows: number): Promise<WindowQuality> {
  const counts = await query(scoreHistogramSql({ relation }));
  const histogram = scoreHistogram(counts as unknown as readonly ScoreHistogramRow[]);
  const { positives, negatives } = classSizes(histogram.total);
  const labelled = positives + negatives;
  return {
    labelledShare: rows === 0 ? 0 : labelled / rows,
    labelMean: labelled === 0 ? null : positives / labelled,
    quality: positives === 0 || negatives === 0 ? null : aucEstimate(histogram, CONFIDENCE),
  };
}
