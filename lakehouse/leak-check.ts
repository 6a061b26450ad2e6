import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { shiftInstant } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { createAsOfViews } from './as-of.ts';
import { featureLookups } from './dataset.ts';
import type { Lake } from './lake.ts';
import { type FeatureLookup, pointInTimeSql } from './point-in-time.ts';
import { createProjectView, projectSqlOf } from './project-sql.ts';
import { createSpineView } from './spine.ts';
import { identifier, identifiers, literal, sameKey, timestampLiteral } from './sql-text.ts';

export interface LeakCheckRequest {
  readonly snapshot: number;
  /** As-of of the refresh that the snapshot holds; ISO instants, all of them. */
  readonly refreshedAsOf: string;
  readonly asOf: string;
  /** Past instants to go back to; each is moved back to the last one at which a row became available. */
  readonly instants: readonly string[];
  /** Keys (or spine rows) to compare for each view and instant. */
  readonly sampleRows: number;
}

export interface LeakCheckSummary {
  /** Instants as they were used, with the number of keys compared; `spine` is the spine's own features. */
  readonly checked: readonly { readonly view: string; readonly instant: string; readonly keys: number }[];
}

/** Sums of floating-point numbers may differ in their last digits from one computation to the next. */
const RELATIVE_TOLERANCE = 1e-6;

/**
 * Goes back to past instants, computes each feature view and the spine's own features anew from what was known then,
 * and compares with what the point-in-time look-up gives for the same keys and instant. `LeakDetected` with view, key,
 * instant and both values where they differ: then a row rests on something that became known after its `known_at`, or a
 * spine column on something that became known after the row's event time.
 */
export async function checkForLeaks(
  lake: Lake,
  bundle: PinnedBundle,
  request: LeakCheckRequest,
  signal?: AbortSignal,
): Promise<LeakCheckSummary> {
  const lookups = await lake.work(async (c) => {
    await createAsOfViews(c, bundle, request);
    return featureLookups(c, bundle);
  }, signal);
  const checked = [];
  for (const wanted of request.instants) {
    for (const lookup of lookups) {
      const instant = await lake.work(async (c) => {
        await createAsOfViews(c, bundle, request);
        return lastInstant(c, lookup.relation, availableAt(lookup), wanted);
      }, signal);
      if (instant === undefined) continue;
      const keys = await lake.work((c) => compareView(c, bundle, request, lookup, instant), signal);
      checked.push({ view: lookup.view, instant, keys });
    }
    const spine = await compareSpine(lake, bundle, request, wanted, signal);
    if (spine !== undefined) checked.push({ view: 'spine', ...spine });
  }
  return { checked };
}

/** SQL for when a row of a view can first be found. NULL, where one of both is, compares as never. */
function availableAt({ eventTime, knownAt }: FeatureLookup): string {
  const [event, known] = [`${identifier(eventTime)}::TIMESTAMP`, `${identifier(knownAt)}::TIMESTAMP`];
  return `CASE WHEN ${event} > ${known} THEN ${event} ELSE ${known} END`;
}

/** The last value, at most `limit`, of a timestamp expression, rounded up to the full millisecond. */
async function lastInstant(
  c: DuckDBConnection,
  relation: string,
  timestamp: string,
  limit: string,
): Promise<string | undefined> {
  const found = await c.runAndReadAll(
    `SELECT ceil(epoch_us(max(${timestamp})) / 1000)::DOUBLE FROM ${relation} WHERE ${timestamp} <= ${timestampLiteral(limit)}`,
  );
  const ms = found.getRowsJS()[0]?.[0] as number | null | undefined;
  return ms === null || ms === undefined ? undefined : new Date(ms).toISOString();
}

/** Compares a view's look-ups at `instant` with the view computed then; returns the number of keys compared. */
async function compareView(
  c: DuckDBConnection,
  bundle: PinnedBundle,
  request: LeakCheckRequest,
  lookup: FeatureLookup,
  instant: string,
): Promise<number> {
  const { view, entity } = lookup;
  const sql = projectSqlOf(bundle, bundle.definition.feature_views[view]?.sql ?? '');
  await createAsOfViews(c, bundle, { ...request, asOf: instant });
  await createProjectView(
    c,
    'recomputed_view',
    sql,
    [...entity, lookup.eventTime, lookup.knownAt],
    `feature view ${view}`,
  );
  await c.run('CREATE OR REPLACE TABLE recomputed AS FROM recomputed_view');
  // Keys of the rows that became available last: where a row that knows too much has had no time to come true.
  const keys = identifiers(entity);
  const available = `SELECT ${keys}, ${availableAt(lookup)} AS available FROM`;
  await c.run(
    `CREATE OR REPLACE TABLE sampled AS
     SELECT ${keys}, ${timestampLiteral(instant)} AS event_time
     FROM (${available} ${lookup.relation} UNION ALL ${available} recomputed)
     WHERE available <= ${timestampLiteral(instant)}
     GROUP BY ${keys} ORDER BY max(available) DESC, hash(${keys}), ${keys} LIMIT ${request.sampleRows}`,
  );
  const window = { from: instant, until: shiftInstant(instant, 1) };
  await c.run(`CREATE OR REPLACE TABLE stored_values AS ${pointInTimeSql('sampled', [lookup], window)}`);
  await c.run(
    `CREATE OR REPLACE TABLE own_values AS ${pointInTimeSql('sampled', [{ ...lookup, relation: 'recomputed' }], window)}`,
  );
  const columns = lookup.columns.map((column) => `${view}.${column}`);
  const remedy = `a row of ${sql.file} rests on something that became known after its ${lookup.knownAt}: set ${lookup.knownAt} to when the last of it is known, or leave it out`;
  return compare(c, { name: `feature view ${view}`, view, instant, key: entity, columns, remedy });
}

/** Compares the spine's own features of its last rows before an instant; undefined when there is none. */
async function compareSpine(
  lake: Lake,
  bundle: PinnedBundle,
  request: LeakCheckRequest,
  wanted: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly instant: string; readonly keys: number } | undefined> {
  const { spine, key, features } = bundle.definition.training;
  const columns = features.filter((feature) => !feature.includes('.'));
  const selected = identifiers([...key, ...columns]);
  const file = join(lake.scratchFolder, `leak-check-${randomUUID()}.parquet`);
  try {
    const instant = await lake.work(async (c) => {
      await createAsOfViews(c, bundle, request);
      await createSpineView(c, bundle);
      const last = await lastInstant(c, 'project_spine', 'event_time::TIMESTAMP', wanted);
      if (last === undefined) return undefined;
      await c.run(
        `COPY (SELECT ${selected} FROM project_spine WHERE event_time <= ${timestampLiteral(last)}
         ORDER BY event_time DESC, ${identifiers(key)} LIMIT ${request.sampleRows}) TO ${literal(file)} (FORMAT parquet)`,
      );
      return last;
    }, signal);
    if (instant === undefined) return undefined;
    const keys = await lake.work(async (c) => {
      await createAsOfViews(c, bundle, { ...request, asOf: instant });
      await createSpineView(c, bundle);
      await c.run(`CREATE OR REPLACE TABLE stored_values AS FROM read_parquet(${literal(file)})`);
      await c.run(
        `CREATE OR REPLACE TABLE own_values AS SELECT ${selected} FROM project_spine SEMI JOIN stored_values USING (${identifiers(key)})`,
      );
      const remedy = `${spine} shows something that became known after the row's event time: take it out, or make it a feature view with its known-at`;
      return compare(c, { name: 'spine', view: 'spine', instant, key, columns, remedy });
    }, signal);
    return { instant, keys };
  } finally {
    await rm(file, { force: true });
  }
}

interface Comparison {
  readonly name: string;
  readonly view: string;
  readonly instant: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly remedy: string;
}

/** Compares the tables `stored_values` and `own_values` row by row; returns the number of keys. */
async function compare(c: DuckDBConnection, comparison: Comparison): Promise<number> {
  const { name, view, instant, key, columns, remedy } = comparison;
  // Of a row that was not there then, every value differs, even a NULL.
  const differs = (column: string): string => {
    const [a, b] = [`s.${identifier(column)}::DOUBLE`, `o.${identifier(column)}::DOUBLE`];
    return `(NOT o.there_ IS NOT DISTINCT FROM TRUE OR (${a} IS DISTINCT FROM ${b}
      AND coalesce(abs(${a} - ${b}) > ${RELATIVE_TOLERANCE} * greatest(1, abs(${a}), abs(${b})), TRUE)))`;
  };
  const sides = `stored_values AS s LEFT JOIN (SELECT *, TRUE AS there_ FROM own_values) AS o ON ${sameKey(key, 's', 'o')}`;
  const texts = columns.map(
    (column) =>
      `CASE WHEN ${differs(column)} THEN {'column': ${literal(column)}, 'stored': s.${identifier(column)}::DOUBLE,
        'recomputed': o.${identifier(column)}::DOUBLE, 'there': o.there_ IS NOT NULL} END`,
  );
  const found = await c.runAndReadAll(
    `SELECT count(*) OVER ()::DOUBLE AS differing, to_json(struct_pack(${identifiers(key, 's')}))::VARCHAR AS key,
       to_json(coalesce(${texts.join(', ')}))::VARCHAR AS difference
     FROM ${sides} WHERE ${columns.map(differs).join(' OR ')} ORDER BY key LIMIT 1`,
  );
  const counted = await c.runAndReadAll('SELECT count(*)::DOUBLE FROM stored_values');
  const keys = counted.getRowsJS()[0]?.[0] as number;
  const row = found.getRowObjectsJS()[0];
  if (row === undefined) return keys;
  const difference = JSON.parse(row['difference'] as string) as {
    column: string;
    stored: number | null;
    recomputed: number | null;
    there: boolean;
  };
  const own = difference.there ? `${difference.recomputed}` : 'no row at all';
  throw new SuperstepError(
    'LeakDetected',
    `${name}, key ${row['key'] as string}, at ${instant}: ${difference.column} is ${difference.stored} by the look-up and ${own} from what was known then (${row['differing'] as number} of ${keys} sampled keys differ); ${remedy}`,
    { view, instant, key: JSON.parse(row['key'] as string), differing: row['differing'], sampled: keys, ...difference },
  );
}
