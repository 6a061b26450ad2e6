import { SuperstepError } from '../contracts/failure-types.ts';
import type { Estimate } from '../contracts/gates.ts';
import { DEFAULT_BINS, MAX_VALUE_BINS, quantileBins, valueBins, type Bins } from './binning.ts';
import { asModelInput, profileColumns, type ColumnProfile, type Query } from './column-profile.ts';
import { columnQuantiles, numbersOf } from './column-quantiles.ts';

/** The column of held-out and production rows that holds the model's answer. */
const SCORE_COLUMN = 'score';

/** How good the model was on rows that it had never seen. */
export interface BaselineQuality extends Estimate {
  readonly metric: 'auc';
}

/** What later windows are held against. Plain JSON; an artifact of the training run. */
export interface BaselineProfile {
  readonly format: 1;
  /** Training rows, which `features` describe. */
  readonly rows: number;
  readonly features: readonly ColumnProfile[];
  /** Scores of the held-out rows: those of the training rows would look better than any new ones. */
  readonly score: ColumnProfile;
  readonly quality: BaselineQuality;
}

export interface BaselineOptions {
  /** Training rows, as may stand after FROM: a table, or a SELECT in parentheses. */
  readonly relation: string;
  /** Numeric columns of `relation`. */
  readonly features: readonly string[];
  /** Held-out rows with a column `score`. */
  readonly scoresRelation: string;
  readonly quality: BaselineQuality;
  readonly bins?: number;
}

/**
 * Profiles training rows and held-out scores: bin edges at quantiles, then exact counts on them. Equal rows give equal
 * edges and counts, whatever their order and the number of threads. Four scans of `relation`, two of them of a sample's
 * size. Throws `EmptyDataset` without rows.
 */
export async function buildBaselineProfile(query: Query, options: BaselineOptions): Promise<BaselineProfile> {
  const { relation, features, scoresRelation, quality, bins = DEFAULT_BINS } = options;
  const featureProfiles = await profileReference(query, relation, features, bins);
  const [score] = await profileReference(query, scoresRelation, [SCORE_COLUMN], bins);
  const first = featureProfiles[0] ?? score;
  if (score === undefined || first === undefined) throw new RangeError('a profile has at least its score column');
  return { format: 1, rows: first.count + first.nulls, features: featureProfiles, score, quality };
}

/** Bins for each column of a reference relation, and the counts on them. */
async function profileReference(
  query: Query,
  relation: string,
  columns: readonly string[],
  bins: number,
): Promise<ColumnProfile[]> {
  // The extremes are exact and become the outer edges; everything else about an edge may be approximate.
  const extremes = await profileColumns(
    query,
    relation,
    columns.map((column) => ({ column, bins: valueBins([]) })),
  );
  const rows = (extremes[0]?.count ?? 0) + (extremes[0]?.nulls ?? 0);
  if (rows === 0 && columns.length > 0) {
    throw new SuperstepError('EmptyDataset', `no rows in ${relation} to build a monitoring baseline from`, {
      relation,
    });
  }
  const few = await distinctValues(query, relation, extremes);
  // Every second quantile is an edge, those between them tell where a bin's rows lie.
  const levels = Array.from({ length: 2 * bins - 1 }, (_, at) => (at + 1) / (2 * bins));
  const quantiles = await columnQuantiles(query, { relation, columns, rows, levels });
  const chosen = extremes.map(({ column, min, max }, index): { column: string; bins: Bins } => {
    const values = few.get(column);
    if (values !== undefined || min === null || max === null) return { column, bins: valueBins(values ?? []) };
    const found = quantiles[index] ?? [];
    const cuts = found.filter((cut, at) => at % 2 === 1 && cut > min && cut < max);
    const inner = found.filter((_, at) => at % 2 === 0);
    return { column, bins: quantileBins([min, ...cuts, max], inner) };
  });
  return profileColumns(query, relation, chosen);
}

/** The values of the columns that have at most {@link MAX_VALUE_BINS}; the others are left out. */
async function distinctValues(
  query: Query,
  relation: string,
  profiles: readonly ColumnProfile[],
): Promise<Map<string, number[]>> {
  // The count is approximate, so columns near the limit are looked at as well.
  const candidates = profiles.filter(({ distinct }) => distinct <= 2 * MAX_VALUE_BINS).map(({ column }) => column);
  if (candidates.length === 0) return new Map();
  const lists = candidates.map((_, index) => `CAST(list(DISTINCT f${index}) AS VARCHAR) AS values${index}`);
  const [row] = await query(`SELECT ${lists.join(', ')} FROM (${asModelInput(relation, candidates)})`);
  const found = candidates.map((column, index) => [column, numbersOf(row?.[`values${index}`])] as const);
  return new Map(found.filter(([, values]) => values.length <= MAX_VALUE_BINS));
}
