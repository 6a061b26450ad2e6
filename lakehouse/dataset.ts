import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { shiftInstant } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { createAsOfViews } from './as-of.ts';
import type { Lake } from './lake.ts';
import { columnsByView, type FeatureLookup, featureLookup, pointInTimeSql } from './point-in-time.ts';
import { describe } from './project-sql.ts';
import { NUMERIC, stageSpine, type StagedSpine } from './spine.ts';
import { identifier, identifiers, literal, timestampLiteral } from './sql-text.ts';

export interface DatasetRequest {
  readonly snapshot: number;
  /** As-of of the refresh that the snapshot holds; ISO instants, all of them. */
  readonly refreshedAsOf: string;
  readonly asOf: string;
  /** Half-open window of event times. */
  readonly from?: string;
  readonly until?: string;
  /** Training and evaluation: only rows whose label is known. Scoring: every row, and no label. */
  readonly withLabels: boolean;
  readonly file: string;
}

export interface DatasetSummary {
  readonly rows: number;
  /** Rows with label 1; 0 without labels. */
  readonly positives: number;
  /** ISO instants of the first and last row. */
  readonly from: string;
  readonly until: string;
  readonly features: readonly string[];
  readonly key: readonly string[];
  /** Columns of the spine that rows can be grouped by. */
  readonly slices: readonly string[];
}

/** Rows joined at a time: what bounds the memory, whatever the number of rows. */
const ROWS_PER_PART = 400_000;

/**
 * Writes the project's dataset to `file`: Parquet (zstd), one row per spine row, ordered by event time and key, equal
 * inputs giving equal content. Columns: key, `event_time`, the spine's other columns that are no features, with labels
 * `<label>` (0 or 1) and `label_known_at`, then one FLOAT per feature, named by its reference (`route_history.late_rate_7d`)
 * and NULL where nothing was known. Features are looked up point in time, see `pointInTimeSql`.
 *
 * Training, evaluation and scoring all come here, so that a feature is the same number in each. `file` appears whole
 * or not at all. Throws `EmptyDataset`, `SchemaMismatch` (see `stageSpine`) and what the project's SQL throws.
 */
export async function buildDataset(
  lake: Lake,
  bundle: PinnedBundle,
  request: DatasetRequest,
  signal?: AbortSignal,
): Promise<DatasetSummary> {
  const folder = await mkdtemp(join(dirname(request.file), '.dataset-'));
  try {
    return await lake.work(async (c) => {
      await createAsOfViews(c, bundle, request);
      const lookups = await featureLookups(c, bundle);
      const spine = await stageSpine(c, bundle, { ...request, file: join(folder, 'spine.parquet') });
      const parts = await writeParts(c, bundle, spine, lookups, folder, request.withLabels);
      const whole = join(folder, 'dataset.parquet');
      await c.run(
        `COPY (FROM read_parquet([${parts.map(literal).join(', ')}])) TO ${literal(whole)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      await rename(whole, request.file);
      const { features, key } = bundle.definition.training;
      const { rows, positives, from, until, columns } = spine;
      return { rows, positives, from, until, features, key, slices: columns };
    }, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The look-ups behind a project's features. Needs the as-of views. `SchemaMismatch` for a feature whose view the project
 * or whose column the view does not have, or that is no number.
 */
export async function featureLookups(c: DuckDBConnection, bundle: PinnedBundle): Promise<FeatureLookup[]> {
  const lookups: FeatureLookup[] = [];
  for (const [view, columns] of columnsByView(bundle.definition.training.features)) {
    const definition = bundle.definition.feature_views[view];
    if (definition === undefined) {
      throw new SuperstepError(
        'SchemaMismatch',
        `the feature ${view}.${columns[0]} names no feature view; this project has ${Object.keys(bundle.definition.feature_views).join(', ')}`,
        { view },
      );
    }
    const types = new Map(
      (await describe(c, `gold.${identifier(view)}`)).map((column) => [column.name.toLowerCase(), column.type]),
    );
    const mismatch = (text: string): SuperstepError =>
      new SuperstepError('SchemaMismatch', `${definition.sql}: the view ${view} ${text}`, {
        file: definition.sql,
        view,
      });
    const missing = columns.filter((column) => !types.has(column));
    if (missing.length > 0) {
      throw mismatch(
        `has no column ${missing.join(', ')}; it has ${[...types.keys()].join(', ')}; correct the feature's name or the view`,
      );
    }
    const unfit = columns.find((column) => !NUMERIC.test(types.get(column) ?? ''));
    if (unfit !== undefined) {
      throw mismatch(
        `gives ${unfit} as ${types.get(unfit)}; a feature must be a number or a boolean, encode it in the SQL`,
      );
    }
    lookups.push(featureLookup(view, definition, columns));
  }
  return lookups;
}

/** One sorted Parquet file for each slice of time. Returns them in the order of time. */
async function writeParts(
  c: DuckDBConnection,
  bundle: PinnedBundle,
  spine: StagedSpine,
  lookups: readonly FeatureLookup[],
  folder: string,
  withLabels: boolean,
): Promise<string[]> {
  const { key, label, features } = bundle.definition.training;
  const selected = [
    identifiers([...key, 'event_time', ...spine.columns.filter((column) => !features.includes(column))]),
    ...(withLabels ? [identifiers([label, 'label_known_at'])] : []),
    ...features.map((feature) => `${identifier(feature)}::FLOAT AS ${identifier(feature)}`),
  ];
  const starts = await sliceStarts(c, spine);
  const files: string[] = [];
  for (const [i, from] of starts.entries()) {
    // Event times may have microseconds, ISO instants end at milliseconds.
    const until = starts[i + 1] ?? shiftInstant(spine.until, 1);
    const file = join(folder, `part-${i}.parquet`);
    const rows = `(FROM read_parquet(${literal(spine.file)})
      WHERE event_time >= ${timestampLiteral(from)} AND event_time < ${timestampLiteral(until)})`;
    await c.run(
      `COPY (SELECT ${selected.join(', ')} FROM (${pointInTimeSql(rows, lookups, { from, until })})
       ORDER BY ${identifiers(['event_time', ...key])})
       TO ${literal(file)} (FORMAT parquet, COMPRESSION snappy)`,
    );
    files.push(file);
  }
  return files;
}

/** Full hours that cut the spine into slices of about `ROWS_PER_PART` rows (more only where one hour has more). */
async function sliceStarts(c: DuckDBConnection, spine: StagedSpine): Promise<string[]> {
  const found = await c.runAndReadAll(
    `WITH hours AS (
       SELECT date_trunc('hour', event_time) AS hour, count(*) AS rows FROM read_parquet(${literal(spine.file)}) GROUP BY 1
     ), counted AS (SELECT hour, sum(rows) OVER (ORDER BY hour) - rows AS before FROM hours)
     SELECT strftime(min(hour), '%Y-%m-%dT%H:%M:%SZ') FROM counted GROUP BY before // ${ROWS_PER_PART} ORDER BY 1`,
  );
  return found.getRowsJS().map((row) => row[0] as string);
}
