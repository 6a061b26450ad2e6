import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { columnsByView } from './point-in-time.ts';
import { type Column, createProjectView, projectSqlOf, runProjectSql } from './project-sql.ts';
import { identifier, identifiers, literal, timestampLiteral } from './sql-text.ts';

/** The rows that features are looked up for, in one Parquet file, and what is known of them. */
export interface StagedSpine {
  readonly file: string;
  /** Columns beside key and event time, in the spine's order. */
  readonly columns: readonly string[];
  readonly rows: number;
  readonly positives: number;
  /** ISO instants of the first and last row, cut to milliseconds. */
  readonly from: string;
  readonly until: string;
}

export interface SpineRequest {
  readonly asOf: string;
  /** Half-open window of event times; ISO instants. */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  /** Only rows whose label is known at the as-of, with columns `<label>` (0 or 1) and `label_known_at`. */
  readonly withLabels: boolean;
  readonly file: string;
}

const ISO = "'%Y-%m-%dT%H:%M:%S.%gZ'";
/** DuckDB types that a feature may have. */
export const NUMERIC = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|BOOLEAN)$/;

/**
 * Writes the project's spine, with labels if asked, to `file` (Parquet) and checks it. Needs the as-of views. Throws
 * `SchemaMismatch` for missing columns, the label among the spine's columns, doubled keys, rows without event time and
 * labels other than 0 and 1; `EmptyDataset` when there is no row, or, with labels, only one class.
 */
export async function stageSpine(
  c: DuckDBConnection,
  bundle: PinnedBundle,
  request: SpineRequest,
): Promise<StagedSpine> {
  const { spine, key, label } = bundle.definition.training;
  const columns = await createSpineView(c, bundle);
  const taken = new Set(['event_time', ...key]);
  const others = columns.map((column) => column.name).filter((name) => !taken.has(name.toLowerCase()));
  const selected = [
    identifiers(key, 's'),
    's.event_time::TIMESTAMP AS event_time',
    ...others.map((name) => `s.${identifier(name)}`),
    ...(request.withLabels ? [`l.value AS ${identifier(label)}`, 'l.known_at AS label_known_at'] : []),
  ];
  if (request.withLabels) await createLabelsView(c, bundle, request.asOf);
  const labels = request.withLabels ? `JOIN known_labels AS l USING (${identifiers(key)})` : '';
  const conditions = [
    ...(request.from === undefined ? [] : [`s.event_time >= ${timestampLiteral(request.from)}`]),
    ...(request.until === undefined ? [] : [`s.event_time < ${timestampLiteral(request.until)}`]),
  ];
  // A row without a time is kept, to be found and told.
  const where = conditions.length === 0 ? '' : `WHERE s.event_time IS NULL OR (${conditions.join(' AND ')})`;
  await runProjectSql(projectSqlOf(bundle, spine), () =>
    c.run(
      `COPY (SELECT ${selected.join(', ')} FROM project_spine AS s ${labels} ${where})
       TO ${literal(request.file)} (FORMAT parquet, COMPRESSION snappy)`,
    ),
  );
  return { file: request.file, columns: others, ...(await examine(c, bundle, request)) };
}

/**
 * Makes the view `project_spine` over the as-of views, and checks its columns: key, event time, the views' entity keys
 * and the spine's own features must be there, the label must not.
 */
export async function createSpineView(c: DuckDBConnection, bundle: PinnedBundle): Promise<Column[]> {
  const { spine, key, label, labels, features } = bundle.definition.training;
  const own = features.filter((feature) => !feature.includes('.'));
  const views = [...columnsByView(features).keys()];
  const entities = views.flatMap((view) => bundle.definition.feature_views[view]?.entity ?? []);
  const required = [...new Set(['event_time', ...key, ...entities, ...own])];
  const why = 'the dataset (key, event time, entity keys of feature views, features)';
  const columns = await createProjectView(c, 'project_spine', projectSqlOf(bundle, spine), required, why);
  const types = new Map(columns.map((column) => [column.name.toLowerCase(), column.type]));
  const mismatch = (text: string): SuperstepError =>
    new SuperstepError('SchemaMismatch', `${spine}: ${text}`, { file: spine, columns: [...types.keys()] });
  const answer = [label, 'label_known_at'].find((name) => types.has(name));
  if (answer !== undefined) {
    throw mismatch(`the column ${answer} is the label's and tells the answer; take it out, labels come from ${labels}`);
  }
  const unfit = own.find((feature) => !NUMERIC.test(types.get(feature) ?? ''));
  if (unfit !== undefined) {
    throw mismatch(`the feature ${unfit} is ${types.get(unfit)}; expected a number or a boolean, encode it in the SQL`);
  }
  return columns;
}

/**
 * Makes the view `known_labels` over the as-of views: key, `value` (0, 1, or 2 for what is neither) and `known_at` of
 * the labels that are known at the as-of.
 */
export async function createLabelsView(c: DuckDBConnection, bundle: PinnedBundle, asOf: string): Promise<void> {
  const { labels, key, label } = bundle.definition.training;
  const required = [...key, label, 'known_at'];
  await createProjectView(c, 'project_labels', projectSqlOf(bundle, labels), required, 'training and monitoring');
  const value = identifier(label);
  await c.run(
    `CREATE OR REPLACE VIEW known_labels AS
     SELECT ${identifiers(key)}, CASE WHEN ${value}::DOUBLE IN (0, 1) THEN ${value}::INTEGER ELSE 2 END AS value,
       known_at::TIMESTAMP AS known_at
     FROM project_labels WHERE ${value} IS NOT NULL AND known_at <= ${timestampLiteral(asOf)}`,
  );
}

async function examine(
  c: DuckDBConnection,
  bundle: PinnedBundle,
  request: SpineRequest,
): Promise<Pick<StagedSpine, 'rows' | 'positives' | 'from' | 'until'>> {
  const { key, label, spine, labels } = bundle.definition.training;
  const value = identifier(label);
  const found = await c.runAndReadAll(
    `SELECT count(*)::DOUBLE AS rows, count(event_time)::DOUBLE AS timed,
       strftime(min(event_time), ${ISO}) AS first, strftime(max(event_time), ${ISO}) AS last,
       ${request.withLabels ? `coalesce(sum(${value}), 0)::DOUBLE AS positives, count(*) FILTER (${value} = 2)::DOUBLE AS neither` : '0::DOUBLE AS positives, 0::DOUBLE AS neither'}
     FROM read_parquet(${literal(request.file)})`,
  );
  const row = found.getRowObjectsJS()[0] as Record<string, unknown>;
  const rows = row['rows'] as number;
  const positives = row['positives'] as number;
  const refuse = (type: 'SchemaMismatch' | 'EmptyDataset', text: string): never => {
    throw new SuperstepError(type, text, { ...windowOf(request), rows, positives });
  };
  const window = describeWindow(request);
  if (rows === 0) {
    refuse(
      'EmptyDataset',
      `${spine} has no row ${request.withLabels ? 'with a known label ' : ''}${window}; expected at least one, choose another window or refresh first`,
    );
  }
  if (row['timed'] !== rows) {
    refuse('SchemaMismatch', `${spine} has rows without event_time; expected the instant of the prediction in each`);
  }
  if ((row['neither'] as number) > 0) {
    refuse('SchemaMismatch', `${labels}: ${label} holds values other than 0 and 1; expected a binary label`);
  }
  const doubled = await firstDoubledKey(c, request.file, key);
  if (doubled !== undefined) {
    const files = request.withLabels ? `${spine} or ${labels}` : spine;
    refuse(
      'SchemaMismatch',
      `${files} has the key ${doubled} more than once; expected one row for each ${key.join(', ')}`,
    );
  }
  if (request.withLabels && (positives === 0 || positives === rows)) {
    refuse(
      'EmptyDataset',
      `all ${rows} labels ${window} are of one class (${label} = ${positives === 0 ? 0 : 1}); a model needs both, choose a longer window`,
    );
  }
  return { rows, positives, from: row['first'] as string, until: row['last'] as string };
}

/** Counts hashes first, in eight bytes a row; groups by the key itself only where those collide. */
async function firstDoubledKey(c: DuckDBConnection, file: string, key: readonly string[]): Promise<string | undefined> {
  const from = `FROM read_parquet(${literal(file)})`;
  const equal = await c.runAndReadAll(`SELECT count(*) = count(DISTINCT hash(${identifiers(key)})) ${from}`);
  if (equal.getRows()[0]?.[0] === true) return undefined;
  const found = await c.runAndReadAll(
    `SELECT to_json(struct_pack(${identifiers(key)}))::VARCHAR ${from} GROUP BY ${identifiers(key)} HAVING count(*) > 1 ORDER BY 1 LIMIT 1`,
  );
  return found.getRows()[0]?.[0] as string | undefined;
}

function windowOf(request: SpineRequest): Record<string, string> {
  return {
    asOf: request.asOf,
    ...(request.from === undefined ? {} : { from: request.from }),
    ...(request.until === undefined ? {} : { until: request.until }),
  };
}

function describeWindow(request: SpineRequest): string {
  const from = request.from ?? 'the beginning';
  return `from ${from} to ${request.until ?? 'the as-of'}, as of ${request.asOf}`;
}
