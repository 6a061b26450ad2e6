import type { MonitorVerdict } from '../contracts/monitor-model.ts';
import type { ColumnDrift } from './column-drift.ts';
import type { ColumnProfile } from './column-profile.ts';
import { PSI_FLOOR } from './drift-metrics.ts';
import type { MonitorWindow } from './verdict.ts';
import type { WindowColumn, WindowProfile } from './window-profile.ts';
import type { BaselineProfile } from './baseline-profile.ts';
import type { Estimate } from '../contracts/gates.ts';

/** A column of a metrics table, with DuckDB's type. */
export interface MetricColumn {
  readonly name: string;
  readonly type: string;
}

/** A row as plain JSON: what is absent is NULL. */
export type MetricRow = Readonly<Record<string, unknown>>;

/** What both tables say of the window and the model. */
export interface MetricContext {
  readonly window: MonitorWindow;
  readonly asOf: string;
  /** The project's monitor window, for example `7d`. */
  readonly granularity: string;
  readonly model: string;
  readonly modelVersion: number;
  /** Lake snapshot that the window's rows were read at. */
  readonly snapshot: number | null;
  readonly verdict: MonitorVerdict;
}

/** Quality of a window, for the `:table` row. */
export interface WindowQuality {
  readonly labelledShare: number;
  readonly labelMean: number | null;
  readonly quality: Estimate | null;
}

/** Version of these layouts and of the way the numbers are computed. */
const MONITOR_VERSION = 1;

/** `column_name` of the rows that are about the whole table. */
const TABLE_ROW = ':table';

const WINDOW = 'STRUCT("start" TIMESTAMP, "end" TIMESTAMP)';
const TEST = 'STRUCT(statistic DOUBLE, pvalue DOUBLE)';

/** Our own columns, at the end of both tables. */
const OWN_COLUMNS: readonly MetricColumn[] = [
  { name: 'as_of', type: 'TIMESTAMP' },
  { name: 'model', type: 'VARCHAR' },
  { name: 'model_version', type: 'BIGINT' },
  { name: 'verdict', type: 'VARCHAR' },
];

/** `<project>_profile_metrics`: Databricks' columns by name and order, then ours. Shares are percentages there. */
export const PROFILE_METRIC_COLUMNS: readonly MetricColumn[] = [
  { name: 'window', type: WINDOW },
  { name: 'log_type', type: 'VARCHAR' },
  { name: 'logging_table_commit_version', type: 'BIGINT' },
  { name: 'monitor_version', type: 'BIGINT' },
  { name: 'granularity', type: 'VARCHAR' },
  { name: 'slice_key', type: 'VARCHAR' },
  { name: 'slice_value', type: 'VARCHAR' },
  { name: 'column_name', type: 'VARCHAR' },
  { name: 'count', type: 'BIGINT' },
  { name: 'data_type', type: 'VARCHAR' },
  { name: 'num_nulls', type: 'BIGINT' },
  { name: 'avg', type: 'DOUBLE' },
  { name: 'quantiles', type: 'DOUBLE[]' },
  { name: 'min', type: 'DOUBLE' },
  { name: 'max', type: 'DOUBLE' },
  { name: 'stddev', type: 'DOUBLE' },
  { name: 'num_zeros', type: 'BIGINT' },
  { name: 'num_nan', type: 'BIGINT' },
  { name: 'min_length', type: 'DOUBLE' },
  { name: 'max_length', type: 'DOUBLE' },
  { name: 'avg_length', type: 'DOUBLE' },
  { name: 'non_null_columns', type: 'VARCHAR[]' },
  { name: 'frequent_items', type: 'STRUCT(item VARCHAR, "count" BIGINT)[]' },
  { name: 'median', type: 'DOUBLE' },
  { name: 'distinct_count', type: 'BIGINT' },
  { name: 'percent_nan', type: 'DOUBLE' },
  { name: 'percent_null', type: 'DOUBLE' },
  { name: 'percent_zeros', type: 'DOUBLE' },
  { name: 'percent_distinct', type: 'DOUBLE' },
  ...OWN_COLUMNS,
  { name: 'percent_labelled', type: 'DOUBLE' },
  { name: 'label_mean', type: 'DOUBLE' },
  { name: 'roc_auc', type: 'DOUBLE' },
  { name: 'roc_auc_lower', type: 'DOUBLE' },
  { name: 'roc_auc_upper', type: 'DOUBLE' },
  { name: 'bin_counts', type: 'BIGINT[]' },
];

/** `<project>_drift_metrics`: Databricks' columns by name and order, then ours. */
export const DRIFT_METRIC_COLUMNS: readonly MetricColumn[] = [
  { name: 'window', type: WINDOW },
  { name: 'granularity', type: 'VARCHAR' },
  { name: 'monitor_version', type: 'BIGINT' },
  { name: 'slice_key', type: 'VARCHAR' },
  { name: 'slice_value', type: 'VARCHAR' },
  { name: 'column_name', type: 'VARCHAR' },
  { name: 'data_type', type: 'VARCHAR' },
  { name: 'window_cmp', type: WINDOW },
  { name: 'drift_type', type: 'VARCHAR' },
  { name: 'count_delta', type: 'BIGINT' },
  { name: 'avg_delta', type: 'DOUBLE' },
  { name: 'percent_null_delta', type: 'DOUBLE' },
  { name: 'percent_zeros_delta', type: 'DOUBLE' },
  { name: 'percent_distinct_delta', type: 'DOUBLE' },
  { name: 'non_null_columns_delta', type: 'STRUCT(added VARCHAR[], missing VARCHAR[])' },
  { name: 'js_distance', type: 'DOUBLE' },
  { name: 'ks_test', type: TEST },
  { name: 'wasserstein_distance', type: 'DOUBLE' },
  { name: 'population_stability_index', type: 'DOUBLE' },
  { name: 'chi_squared_test', type: TEST },
  { name: 'tv_distance', type: 'DOUBLE' },
  { name: 'l_infinity_distance', type: 'DOUBLE' },
  ...OWN_COLUMNS,
  { name: 'js_base', type: 'VARCHAR' },
  { name: 'psi_floor', type: 'DOUBLE' },
  { name: 'chi_squared_df', type: 'BIGINT' },
  { name: 'adjusted_p', type: 'DOUBLE' },
  { name: 'effect_at_least', type: 'DOUBLE' },
  { name: 'smallest_detectable_psi', type: 'DOUBLE' },
  { name: 'drifted', type: 'BOOLEAN' },
  { name: 'most_moved', type: 'VARCHAR' },
];

/** Rows for {@link PROFILE_METRIC_COLUMNS}: one for the table, then one a column. */
export function profileMetricRows(context: MetricContext, profile: WindowProfile, quality: WindowQuality): MetricRow[] {
  const shared = {
    ...sharedColumns(context),
    log_type: 'INPUT',
    logging_table_commit_version: context.snapshot,
  };
  const table = {
    ...shared,
    column_name: TABLE_ROW,
    count: profile.rows,
    non_null_columns: nonNullColumns(profile.columns),
    percent_labelled: brief(100 * quality.labelledShare),
    label_mean: brief(quality.labelMean),
    roc_auc: brief(quality.quality?.value),
    roc_auc_lower: brief(quality.quality?.lower),
    roc_auc_upper: brief(quality.quality?.upper),
  };
  return [table, ...profile.columns.map((column) => ({ ...shared, ...columnFacts(column) }))].map(withoutNulls);
}

/** Rows for {@link DRIFT_METRIC_COLUMNS}: one for the table, then one a column. */
export function driftMetricRows(
  context: MetricContext,
  { baseline, profile, drift }: { baseline: BaselineProfile; profile: WindowProfile; drift: readonly ColumnDrift[] },
  effectAtLeast: number,
): MetricRow[] {
  const shared = { ...sharedColumns(context), drift_type: 'BASELINE' };
  const references = [...baseline.features, baseline.score];
  const table = {
    ...shared,
    column_name: TABLE_ROW,
    count_delta: profile.rows - baseline.rows,
    non_null_columns_delta: nonNullDelta(references, profile.columns),
  };
  const columns = drift.flatMap((column, index) => {
    const reference = references[index];
    const current = profile.columns[index];
    if (reference === undefined || current === undefined) return [];
    return [{ ...shared, ...deltas(reference, current), ...distances(column), effect_at_least: effectAtLeast }];
  });
  return [table, ...columns].map(withoutNulls);
}

function sharedColumns({ window, asOf, granularity, model, modelVersion, verdict }: MetricContext): MetricRow {
  return {
    window: { start: window.from, end: window.until },
    monitor_version: MONITOR_VERSION,
    granularity,
    as_of: asOf,
    model,
    model_version: modelVersion,
    verdict,
  };
}

function columnFacts(column: WindowColumn): MetricRow {
  return {
    column_name: column.column,
    data_type: 'float',
    count: column.count,
    num_nulls: column.nulls,
    avg: brief(column.avg),
    quantiles: column.quantiles.map(brief),
    min: brief(column.min),
    max: brief(column.max),
    stddev: brief(column.stddev),
    num_zeros: column.zeros,
    num_nan: column.nans,
    median: brief(column.median),
    distinct_count: column.distinct,
    ...percentages(column),
    bin_counts: column.counts,
  };
}

function deltas(reference: ColumnProfile, current: ColumnProfile): MetricRow {
  const before = percentages(reference);
  const now = percentages(current);
  return {
    column_name: current.column,
    data_type: 'float',
    count_delta: current.count - reference.count,
    avg_delta: current.avg === null || reference.avg === null ? null : brief(current.avg - reference.avg),
    percent_null_delta: brief(now.percent_null - before.percent_null),
    percent_zeros_delta: brief(now.percent_zeros - before.percent_zeros),
    percent_distinct_delta: brief(now.percent_distinct - before.percent_distinct),
  };
}

function distances(drift: ColumnDrift): MetricRow {
  const { ks, chiSquared } = drift;
  return {
    js_distance: brief(drift.js),
    js_base: '2',
    ks_test: ks === null ? null : { statistic: brief(ks.statistic), pvalue: brief(ks.pvalue) },
    wasserstein_distance: brief(drift.wasserstein),
    population_stability_index: brief(drift.psi),
    psi_floor: PSI_FLOOR,
    chi_squared_test: { statistic: brief(chiSquared.statistic), pvalue: brief(chiSquared.pvalue) },
    chi_squared_df: chiSquared.df,
    tv_distance: brief(drift.totalVariation),
    l_infinity_distance: brief(drift.lInfinity),
    adjusted_p: brief(drift.adjustedP),
    smallest_detectable_psi: brief(drift.smallestDetectablePsi),
    drifted: drift.drifted,
    most_moved: drift.mostMoved,
  };
}

/** NULLs are counted against all rows, the others against rows with a value. */
function percentages({ count, nulls, nans, zeros, distinct }: ColumnProfile) {
  return {
    percent_null: percentOf(nulls, count + nulls),
    percent_nan: percentOf(nans, count),
    percent_zeros: percentOf(zeros, count),
    // The distinct count is approximate and may exceed the count itself.
    percent_distinct: percentOf(Math.min(distinct, count), count),
  };
}

function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Number(((100 * part) / whole).toPrecision(6));
}

function nonNullColumns(columns: readonly ColumnProfile[]): string[] {
  return columns.filter(({ count }) => count > 0).map(({ column }) => column);
}

function nonNullDelta(before: readonly ColumnProfile[], now: readonly ColumnProfile[]) {
  const had = nonNullColumns(before);
  const has = nonNullColumns(now);
  return { added: has.filter((name) => !had.includes(name)), missing: had.filter((name) => !has.includes(name)) };
}

/** Six significant digits: rows travel, and nobody reads the seventh. */
function brief(value: number | null | undefined): number | null {
  return value === null || value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(6));
}

function withoutNulls(row: MetricRow): MetricRow {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== undefined));
}
