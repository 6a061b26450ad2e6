import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { buildOrder } from './build-order.ts';
import { messageOf } from './engine-errors.ts';
import { keptRows } from './expectations.ts';
import { knownBy } from './known-by.ts';
import { describe, projectSql, runProjectSql } from './project-sql.ts';
import { identifier, timestampLiteral } from './sql-text.ts';
import type { BronzeSpec, FeatureViewSpec, SilverSpec, TableSpec } from './table-specs.ts';

export interface AsOf {
  /** The lake's snapshot to read. */
  readonly snapshot: number;
  /** The instant to look from. */
  readonly asOf: string;
  /** As-of of the refresh that the snapshot holds. */
  readonly refreshedAsOf: string;
}

/**
 * Makes, in the connection's private catalog, views of all the project's tables as they were known at an instant, under
 * the names that its SQL uses: `bronze.x`, `silver.x`, `gold.<feature view>`.
 *
 * For an instant before the refresh's own, rows that had not happened are gone, columns that were not known are NULL,
 * silver is computed again over that by its SQL and rules, and feature views show the rows known by then. `EmptyDataset`
 * when nothing had happened yet; `StaleFeatures` when the snapshot lacks one of the project's tables.
 */
export async function createAsOfViews(c: DuckDBConnection, bundle: PinnedBundle, at: AsOf): Promise<void> {
  const past = Date.parse(at.asOf) < Date.parse(at.refreshedAsOf);
  for (const { spec } of await buildOrder(c, bundle)) {
    const stored = `lake.${spec.table} AT (VERSION => ${at.snapshot})`;
    await requireTable(c, spec, stored, at);
    if (!past) await c.run(`CREATE OR REPLACE VIEW ${spec.table} AS SELECT * FROM ${stored}`);
    else if (spec.kind === 'bronze') await pastBronze(c, spec, stored, at);
    else if (spec.kind === 'silver') await pastSilver(c, bundle, spec, stored);
    else await pastFeatures(c, spec, stored, at);
  }
  await requireRows(c, bundle, at);
}

async function pastBronze(c: DuckDBConnection, spec: BronzeSpec, stored: string, at: AsOf): Promise<void> {
  await c.run(`CREATE OR REPLACE VIEW ${spec.table} AS ${knownBy(stored, spec.source, at.asOf)}`);
}

/** Types are those of the stored table: Parquet has fewer than SQL, and both must read alike. */
async function pastSilver(c: DuckDBConnection, bundle: PinnedBundle, spec: SilverSpec, stored: string): Promise<void> {
  const columns = (await describe(c, stored)).map(
    ({ name, type }) => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`,
  );
  const rows = `(SELECT ${columns.join(', ')} FROM (${projectSql(bundle, spec.sql.file)}) AS computed)`;
  await runProjectSql(spec.sql, () =>
    c.run(`CREATE OR REPLACE VIEW ${spec.table} AS SELECT * FROM ${rows} WHERE ${keptRows(spec.expectations)}`),
  );
}

async function pastFeatures(c: DuckDBConnection, spec: FeatureViewSpec, stored: string, at: AsOf): Promise<void> {
  const known = identifier(spec.view.known_at);
  await c.run(
    `CREATE OR REPLACE VIEW ${spec.table} AS SELECT * FROM ${stored} WHERE ${known} <= ${timestampLiteral(at.asOf)}`,
  );
}

async function requireTable(c: DuckDBConnection, spec: TableSpec, stored: string, at: AsOf): Promise<void> {
  try {
    await describe(c, stored);
  } catch (error) {
    if (!/does not exist/.test(messageOf(error))) throw error;
    throw new SuperstepError(
      'StaleFeatures',
      `${spec.table} is not in snapshot ${at.snapshot} of the lake; the project declares it, so refresh its features first`,
      { table: spec.table, snapshot: at.snapshot },
    );
  }
}

async function requireRows(c: DuckDBConnection, bundle: PinnedBundle, at: AsOf): Promise<void> {
  const first = await firstEvent(c, bundle, at.snapshot);
  if (first !== undefined && Date.parse(first) <= Date.parse(at.asOf)) return;
  throw new SuperstepError(
    'EmptyDataset',
    `nothing had happened as of ${at.asOf}: ${first === undefined ? 'the lake has no rows' : `the first row happened at ${first}`}; choose a later instant`,
    { asOf: at.asOf, ...(first === undefined ? {} : { first }) },
  );
}

/** The event time of the earliest bronze row, as an ISO instant (cut to milliseconds). */
async function firstEvent(c: DuckDBConnection, bundle: PinnedBundle, snapshot: number): Promise<string | undefined> {
  const instants: number[] = [];
  for (const [table, definition] of Object.entries(bundle.definition.tables)) {
    if (!('source' in definition)) continue;
    const eventTime = bundle.definition.sources[definition.source]?.event_time ?? '';
    const found = await c.runAndReadAll(
      `SELECT epoch_ms(CAST(min(${identifier(eventTime)}) AS TIMESTAMP))::DOUBLE FROM lake.${table} AT (VERSION => ${snapshot})`,
    );
    const instant = found.getRows()[0]?.[0];
    if (typeof instant === 'number') instants.push(instant);
  }
  return instants.length === 0 ? undefined : new Date(Math.min(...instants)).toISOString();
}
