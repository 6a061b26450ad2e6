import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { createAsOfViews } from './as-of.ts';
import type { CommitRecord, Lake } from './lake.ts';
import { describe } from './project-sql.ts';
import { projectTable } from './project-table.ts';
import { identifier, identifiers, literal, timestampLiteral } from './sql-text.ts';
import { createLabelsView } from './spine.ts';
import { sweepStaging, stageOnce, stagingFolder } from './staging.ts';
import { addMissingColumns, tableColumns } from './table-columns.ts';

/** The table of a project's predictions, every version's beside one another. */
export function predictionsTable(project: string): string {
  return `gold.${projectTable(project, 'predictions')}`;
}

export interface PredictionsToPublish {
  /** The natural key of this scoring. */
  readonly key: string;
  readonly project: string;
  readonly model: string;
  readonly version: number;
  readonly modelSha256: string;
  /** Snapshot that the features come from. */
  readonly snapshot: number;
  /** ISO instants; the rows lie in [from, until). */
  readonly asOf: string;
  readonly from: string;
  readonly until: string;
  /** Parquet as `buildDataset` writes it. */
  readonly datasetFile: string;
  /** Parquet with one column `score`, row by row the dataset's. */
  readonly scoresFile: string;
}

export interface PublishedPredictions {
  readonly table: string;
  readonly rows: number;
  readonly snapshot: number;
}

/**
 * Adds scored rows to the project's predictions in one lake commit: the dataset's columns, `score`, `model`,
 * `model_version`, `model_sha256`, `feature_snapshot`. Rows of the same model version in the window are replaced, other
 * versions' rows stay. A key that is committed already gives its result and changes nothing. Throws `InvalidInput` when
 * scores and dataset do not fit, or rows lie outside of the window; `IllegalTransition` when rows to be replaced were
 * scored from a newer snapshot of the features.
 */
export async function publishPredictions(
  lake: Lake,
  input: PredictionsToPublish,
  signal?: AbortSignal,
): Promise<PublishedPredictions> {
  const table = predictionsTable(input.project);
  const before = await lake.findCommit(input.key);
  if (before !== undefined) return published(before);
  const folder = stagingFolder(lake.dataFolder, input.key);
  const { rows, file } = await stageOnce(folder, 'predictions', async (stem) => {
    const staged = `${stem}.parquet`;
    const meta = { rows: await lake.work((c) => stagePredictions(c, input, table, staged), signal), file: staged };
    return { meta, files: [staged], keep: true };
  });
  const { model, version, from, until, snapshot } = input;
  const details = { table, rows, file, model, version, from, until, featureSnapshot: snapshot };
  const record = await lake
    .commit({ key: input.key, kind: 'predictions', project: input.project, asOf: input.asOf, details }, (c) =>
      adoptPredictions(c, input, table, file),
    )
    .catch(async (error: unknown) => {
      // Refused for good: nobody will ever adopt what was staged.
      if (error instanceof SuperstepError && error.type === 'IllegalTransition') await sweepStaging(folder, []);
      throw error;
    });
  await sweepStaging(folder, [record.details['file'] as string]);
  return published(record);
}

function published(record: CommitRecord): PublishedPredictions {
  return {
    table: record.details['table'] as string,
    rows: record.details['rows'] as number,
    snapshot: record.snapshot,
  };
}

async function stagePredictions(
  c: DuckDBConnection,
  input: PredictionsToPublish,
  table: string,
  file: string,
): Promise<number> {
  const rows = await checkScores(c, input);
  const dataset = `read_parquet(${literal(input.datasetFile)})`;
  const scored = `SELECT d.*, s.score::DOUBLE AS score, ${literal(input.model)} AS model, ${input.version}::INTEGER AS model_version,
    ${literal(input.modelSha256)} AS model_sha256, ${input.snapshot}::BIGINT AS feature_snapshot
    FROM ${dataset} AS d POSITIONAL JOIN read_parquet(${literal(input.scoresFile)}) AS s`;
  // The table's types win: a spine that now says INTEGER where it said BIGINT changes nothing for readers.
  const existing = new Map((await tableColumns(c, table)).map((column) => [column.name, column.type]));
  const columns = (await describe(c, `(${scored})`)).map(
    ({ name, type }) => `${identifier(name)}::${existing.get(name) ?? type} AS ${identifier(name)}`,
  );
  await c.run(
    `COPY (SELECT ${columns.join(', ')} FROM (${scored})) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  return rows;
}

/** Number of rows. A positional join fills up with NULLs what does not fit, so it is checked before. */
async function checkScores(c: DuckDBConnection, input: PredictionsToPublish): Promise<number> {
  const outside = `event_time < ${timestampLiteral(input.from)} OR event_time >= ${timestampLiteral(input.until)}`;
  const found = await c.runAndReadAll(
    `SELECT d.rows, d.outside, s.rows AS scores, s.empty FROM
       (SELECT count(*)::DOUBLE AS rows, count(*) FILTER (${outside})::DOUBLE AS outside FROM read_parquet(${literal(input.datasetFile)})) AS d,
       (SELECT count(*)::DOUBLE AS rows, count(*) FILTER (score IS NULL OR isnan(score))::DOUBLE AS empty FROM read_parquet(${literal(input.scoresFile)})) AS s`,
  );
  const counts = found.getRowObjectsJS()[0] as Record<'rows' | 'outside' | 'scores' | 'empty', number>;
  const { rows, outside: strays, scores, empty } = counts;
  if (rows !== scores || strays !== 0 || empty !== 0) {
    throw new SuperstepError(
      'InvalidInput',
      `${input.scoresFile} does not score ${input.datasetFile}: expected one score for each of ${rows} rows, all within ${input.from} to ${input.until}; found ${scores} scores, ${empty} of them empty, and ${strays} rows outside; score the dataset of that window again`,
      { rows, scores, empty, outside: strays },
    );
  }
  return rows;
}

async function adoptPredictions(
  c: DuckDBConnection,
  input: PredictionsToPublish,
  table: string,
  file: string,
): Promise<void> {
  const staged = `read_parquet(${literal(file)})`;
  await c.run(`CREATE TABLE IF NOT EXISTS lake.${table} AS FROM ${staged} LIMIT 0`);
  await addMissingColumns(c, table, await describe(c, staged));
  const replaced = `model = ${literal(input.model)} AND model_version = ${input.version}
       AND event_time >= ${timestampLiteral(input.from)} AND event_time < ${timestampLiteral(input.until)}`;
  await refuseOlderFeatures(c, input, table, replaced);
  await c.run(`DELETE FROM lake.${table} WHERE ${replaced}`);
  const [schema, name] = table.split('.') as [string, string];
  await c.run(
    `CALL ducklake_add_data_files('lake', ${literal(name)}, ${literal(file)}, schema => ${literal(schema)}, allow_missing => true)`,
  );
}

/** A scoring that began before another and ends after it must not put its older features' scores back. */
async function refuseOlderFeatures(
  c: DuckDBConnection,
  input: PredictionsToPublish,
  table: string,
  replaced: string,
): Promise<void> {
  const found = await c.runAndReadAll(
    `SELECT max(feature_snapshot)::DOUBLE FROM lake.${table} WHERE ${replaced} AND feature_snapshot > ${input.snapshot}`,
  );
  const newest = found.getRowsJS()[0]?.[0] as number | null | undefined;
  if (newest === null || newest === undefined) return;
  const { model, version, from, until, snapshot } = input;
  throw new SuperstepError(
    'IllegalTransition',
    `${table} has predictions of ${model} version ${version} from ${from} to ${until} with the features of snapshot ${newest}; these ones come from the older snapshot ${snapshot} and would overwrite them; keep what is there, or score the window again as of now, with the features of snapshot ${newest} or a newer one`,
    { model, version, from, until, found: newest, snapshot },
  );
}

/** A window of one version's predictions. */
export interface PredictionsWindow {
  readonly project: string;
  readonly version: number;
  /** Half-open; ISO instants. */
  readonly from: string;
  readonly until: string;
  /** The lake's version to read; the newest when absent. */
  readonly snapshot?: number;
}

/** SELECT of the window's predictions, all columns, over the lake's table. */
function predictionsSql(window: PredictionsWindow): string {
  const version = window.snapshot === undefined ? '' : ` AT (VERSION => ${window.snapshot})`;
  return `SELECT * FROM lake.${predictionsTable(window.project)}${version}
    WHERE model_version = ${window.version} AND event_time >= ${timestampLiteral(window.from)} AND event_time < ${timestampLiteral(window.until)}`;
}

/**
 * Writes a window of predictions to a Parquet or CSV file, ordered by event time and `key`; returns the number of rows.
 * The file appears whole or not at all. `EmptyDataset` when there is none.
 */
export async function exportPredictions(
  lake: Lake,
  window: PredictionsWindow & { readonly key: readonly string[] },
  file: string,
  format: 'parquet' | 'csv',
  signal?: AbortSignal,
): Promise<number> {
  await mkdir(dirname(file), { recursive: true });
  const part = `${file}.${randomUUID()}.part`;
  const options = format === 'parquet' ? 'FORMAT parquet, COMPRESSION zstd' : 'FORMAT csv, HEADER';
  try {
    const rows = await lake.work(async (c) => {
      await requirePredictions(c, window);
      const copied = await c.runAndReadAll(
        `COPY (${predictionsSql(window)} ORDER BY ${identifiers(['event_time', ...window.key])}) TO ${literal(part)} (${options})`,
      );
      return Number(copied.getRowsJS()[0]?.[0]);
    }, signal);
    if (rows === 0) throw noPredictions(window);
    await rename(part, file);
    return rows;
  } finally {
    await rm(part, { force: true });
  }
}

/** What `predictionsWithLabels` reads. */
export interface LabelledPredictionsRequest {
  /** The published refresh that labels come from, its as-of, and the as-of of the reader. */
  readonly snapshot: number;
  readonly refreshedAsOf: string;
  readonly asOf: string;
  readonly from: string;
  readonly until: string;
  readonly version: number;
  /** The lake's version that predictions are read at; the newest when absent. Later than the refresh, usually. */
  readonly predictionsSnapshot?: number;
}

/**
 * Makes the table `predictions` in the connection's private catalog: the window's predictions with `label` (0, 1, or
 * NULL when not known at the as-of) and `label_known_at`, one row per prediction. Needs a connection of `Lake.work`; makes
 * the as-of views. Returns the numbers of rows and of rows with a label. No predictions give an empty table; a project
 * without a predictions table is `EmptyDataset`.
 */
export async function predictionsWithLabels(
  c: DuckDBConnection,
  bundle: PinnedBundle,
  request: LabelledPredictionsRequest,
): Promise<{ readonly rows: number; readonly labelled: number }> {
  const { project, training } = bundle.definition;
  const { version, from, until, predictionsSnapshot } = request;
  const window: PredictionsWindow = {
    project,
    version,
    from,
    until,
    ...(predictionsSnapshot === undefined ? {} : { snapshot: predictionsSnapshot }),
  };
  await requirePredictions(c, window);
  await createAsOfViews(c, bundle, request);
  await createLabelsView(c, bundle, request.asOf);
  // A table, not a view: a monitor asks it once per column, and the join is the dear part. It spills when large.
  await c.run(
    `CREATE OR REPLACE TABLE predictions AS
     SELECT p.*, l.value AS label, l.known_at AS label_known_at
     FROM (${predictionsSql(window)}) AS p LEFT JOIN known_labels AS l USING (${identifiers(training.key)})
     ORDER BY ${identifiers(['event_time', ...training.key])}`,
  );
  const found = await c.runAndReadAll('SELECT count(*)::DOUBLE, count(label)::DOUBLE FROM predictions');
  const [rows, labelled] = found.getRowsJS()[0] as [number, number];
  return { rows, labelled };
}

async function requirePredictions(c: DuckDBConnection, window: PredictionsWindow): Promise<void> {
  if ((await tableColumns(c, predictionsTable(window.project))).length === 0) throw noPredictions(window);
}

function noPredictions(window: PredictionsWindow): SuperstepError {
  return new SuperstepError(
    'EmptyDataset',
    `${predictionsTable(window.project)} has no predictions of version ${window.version} from ${window.from} to ${window.until}; score that window first`,
    { ...window },
  );
}
