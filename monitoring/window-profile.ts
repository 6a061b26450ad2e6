import type { BaselineProfile } from './baseline-profile.ts';
import { profileColumns, type ColumnProfile, type Query } from './column-profile.ts';
import { columnQuantiles } from './column-quantiles.ts';

/** Levels of {@link WindowColumn.quantiles}. */
const QUANTILE_LEVELS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99] as const;

export interface WindowColumn extends ColumnProfile {
  /** At {@link QUANTILE_LEVELS}; empty without a finite value. */
  readonly quantiles: readonly number[];
  readonly median: number | null;
}

/** One window's rows, counted on the baseline's bins: the features in the baseline's order, then the score. */
export interface WindowProfile {
  readonly rows: number;
  readonly columns: readonly WindowColumn[];
}

/**
 * Profiles a window in two scans. `relation` (a table, or a SELECT in parentheses) has the baseline's features and a
 * column `score`.
 */
export async function profileWindow(query: Query, relation: string, baseline: BaselineProfile): Promise<WindowProfile> {
  const profiles = await profileColumns(query, relation, baselineColumns(baseline));
  const rows = (profiles[0]?.count ?? 0) + (profiles[0]?.nulls ?? 0);
  const columns = profiles.map(({ column }) => column);
  const quantiles = await columnQuantiles(query, { relation, columns, rows, levels: QUANTILE_LEVELS });
  const medianAt = QUANTILE_LEVELS.indexOf(0.5);
  return {
    rows,
    columns: profiles.map((profile, index) => ({
      ...profile,
      quantiles: quantiles[index] ?? [],
      median: quantiles[index]?.[medianAt] ?? null,
    })),
  };
}

/** The columns that a baseline describes, in the order of {@link WindowProfile.columns}. */
export function baselineColumns(baseline: BaselineProfile): readonly ColumnProfile[] {
  return [...baseline.features, baseline.score];
}
