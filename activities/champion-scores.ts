import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { DuckDBConnection } from '@duckdb/node-api';
import { shiftInstant } from '../contracts/durations.ts';
import { type FailureType, SuperstepError } from '../contracts/failure-types.ts';
import type { DatasetRef, PinnedProject } from '../contracts/training.ts';
import { buildDataset } from '../lakehouse/dataset.ts';
import { describe } from '../lakehouse/project-sql.ts';
import { parquetRelation, rowsOf } from '../lakehouse/query-rows.ts';
import { identifier, literal } from '../lakehouse/sql-text.ts';
import type { ModelVersion } from '../registry/model-versions.ts';
import type { DataDependencies } from './data-dependencies.ts';
import { scoredRelation, scoreFile } from './held-out.ts';
import { readBundle } from './pinned-bundles.ts';
import { modelFile, readLineage } from './training-inputs.ts';

/** The rows that a challenger is judged on: they alone say which rows there are, when they happened and their labels. */
export interface JudgedRows {
  /** Of the challenger. */
  readonly pinned: PinnedProject;
  readonly dataset: DatasetRef;
  readonly label: string;
  /** Parquet of the held-out rows. */
  readonly heldOut: string;
  readonly folder: string;
}

/** SQL for the judged rows with the champion's scores (columns event_time, label, score), or why there are none. */
export type ChampionScores =
  { readonly comparable: true; readonly relation: string } | { readonly comparable: false; readonly why: string };

/** Faults of a champion against today's rows: they come back for every challenger. A broken file or weather is none. */
const INCOMPATIBLE: readonly FailureType[] = [
  'StaleFeatures',
  'SchemaMismatch',
  'QueryFailed',
  'EmptyDataset',
  'InvalidInput',
  'UnsupportedOperator',
  'ChildProcessKilled',
  'OutOfMemory',
];

/**
 * The champion's scores of the challenger's held-out rows. Where the champion was trained from another version of the
 * project, its own spine and features are computed for the window, from the same snapshot, and joined by key. A
 * champion that cannot be scored on these rows is an answer; every other failure is thrown.
 */
export function scoreChampion(
  deps: DataDependencies,
  champion: ModelVersion,
  rows: JudgedRows,
): Promise<ChampionScores> {
  return comparableOr(async () => {
    const { lake, artifacts, registry, threads } = deps;
    const { cancellationSignal } = Context.current();
    const lineage = await readLineage(registry, champion);
    const { inputs } = lineage;
    const sameProject = inputs.pinned.projectDigest === rows.pinned.projectDigest;
    const own = sameProject ? rows.heldOut : await buildOwnRows(deps, inputs.pinned, rows);
    const { file: scores } = await scoreFile(artifacts, modelFile(lineage), own, rows.folder, threads);
    const file = join(rows.folder, 'champion-scores.parquet');
    const { dataset, heldOut, label } = rows;
    await lake.work(
      (c) => joinScores(c, { heldOut, label, key: dataset.key, scored: scoredRelation(own, scores), file }),
      cancellationSignal,
    );
    return parquetRelation(file);
  });
}

/** Turns the faults that make a champion incomparable into an answer. `work` gives the relation. */
export async function comparableOr(work: () => Promise<string>): Promise<ChampionScores> {
  try {
    return { comparable: true, relation: await work() };
  } catch (error) {
    if (!(error instanceof SuperstepError) || !INCOMPATIBLE.includes(error.type)) throw error;
    return { comparable: false, why: `${error.type}: ${error.message.split('\n', 1)[0]}` };
  }
}

/** The champion's rows in the window of the held-out ones, without its labels: theirs may be others. */
async function buildOwnRows(
  { lake, artifacts }: DataDependencies,
  pinned: PinnedProject,
  rows: JudgedRows,
): Promise<string> {
  const { cancellationSignal } = Context.current();
  const { snapshot, asOf, holdoutFrom } = rows.dataset;
  const file = join(rows.folder, 'champion.parquet');
  const refresh = await lake.publishedAt(rows.pinned.project, snapshot);
  const until = await lake.work((c) => justAfterLast(c, rows.heldOut), cancellationSignal);
  await buildDataset(
    lake,
    await readBundle(artifacts, pinned),
    { snapshot, refreshedAsOf: refresh?.asOf ?? asOf, asOf, from: holdoutFrom, until, withLabels: false, file },
    cancellationSignal,
  );
  return file;
}

/** The end of the window: event times may have microseconds, ISO instants end at milliseconds. */
async function justAfterLast(c: DuckDBConnection, heldOut: string): Promise<string> {
  const [last] = await rowsOf<{ readonly ms: number | null }>(
    c,
    `SELECT epoch_ms(max(event_time))::DOUBLE AS ms FROM ${parquetRelation(heldOut)}`,
  );
  if (typeof last?.ms === 'number') return shiftInstant(new Date(last.ms).toISOString(), 1);
  throw new SuperstepError('EmptyDataset', 'the held-out window has no rows; expected some. Choose a longer one');
}

export interface ScoresToJoin {
  /** Parquet of the judged rows, with their label. */
  readonly heldOut: string;
  readonly label: string;
  readonly key: readonly string[];
  /** Relation of the champion's own rows, with `score`; more rows than the judged ones are no harm. */
  readonly scored: string;
  readonly file: string;
}

/**
 * Writes every judged row with the one score that the champion gave the row of its key: `event_time`, the label and
 * `score`, nothing else. `SchemaMismatch` when the champion's rows lack the key, and when a row has no score between 0
 * and 1, or more than one.
 */
export async function joinScores(c: DuckDBConnection, join: ScoresToJoin): Promise<void> {
  const { heldOut, label, key, scored, file } = join;
  const columns = (await describe(c, scored)).map((column) => column.name.toLowerCase());
  const missing = key.filter((column) => !columns.includes(column.toLowerCase()));
  if (missing.length > 0) {
    throw new SuperstepError(
      'SchemaMismatch',
      `its rows have no column ${missing.join(', ')}; expected the key of the rows to judge on: ${key.join(', ')}`,
    );
  }
  // As text: another version of a project may give the same key another type.
  const sameKey = key.map((k) => `h.${identifier(k)}::VARCHAR IS NOT DISTINCT FROM s.${identifier(k)}::VARCHAR`);
  await c.run(
    `COPY (
       SELECT h.event_time, h.${identifier(label)}, any_value(s.score) AS score, count(s.score) AS scores
       FROM (SELECT *, row_number() OVER () AS judged_row FROM ${parquetRelation(heldOut)}) AS h
       LEFT JOIN ${scored} AS s ON ${sameKey.join(' AND ')}
       GROUP BY h.judged_row, h.event_time, h.${identifier(label)}
     ) TO ${literal(file)} (FORMAT parquet)`,
  );
  const [counts] = await rowsOf<{ readonly rows: number; readonly scored: number }>(
    c,
    `SELECT count(*)::DOUBLE AS rows, count(*) FILTER (WHERE scores = 1 AND score BETWEEN 0 AND 1)::DOUBLE AS scored
     FROM ${parquetRelation(file)}`,
  );
  if (counts !== undefined && counts.rows === counts.scored) return;
  throw new SuperstepError(
    'SchemaMismatch',
    `${counts?.scored} of ${counts?.rows} rows have one score of it; expected exactly one between 0 and 1 for every row`,
  );
}
