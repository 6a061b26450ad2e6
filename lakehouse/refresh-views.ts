import type { DuckDBConnection } from '@duckdb/node-api';
import { durationMs, shiftInstant } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { RefreshPlan, StagedTable } from '../contracts/refresh-features.ts';
import type { OrderedTable } from './build-order.ts';
import { identifier, literal, sameKey, timestampLiteral } from './sql-text.ts';
import { keyOf, type TableSpec } from './table-specs.ts';

/** What one table of a refresh is staged from: the plan, what is staged already, and how the tables depend. */
export interface RefreshScene {
  readonly plan: RefreshPlan;
  readonly order: readonly OrderedTable[];
  readonly staged: readonly StagedTable[];
}

export function stagedRelation(staged: StagedTable): string {
  return `read_parquet(${literal(staged.file)})`;
}

/** A table of the lake as the refresh found it. */
export function baseRelation(table: string, base: NonNullable<RefreshPlan['base']>, alias = 'old'): string {
  return `lake.${table} AS ${alias} AT (VERSION => ${base.snapshot})`;
}

/** Whether the staged rows are the whole table, and not an addition to what the lake has. */
export function replacesAll(plan: RefreshPlan, table: Pick<OrderedTable, 'rebuilt'>): boolean {
  return plan.full || plan.base === null || table.rebuilt;
}

export function stagedOf(scene: RefreshScene, table: string): StagedTable {
  const found = scene.staged.find((s) => s.table === table);
  if (found === undefined) {
    throw new SuperstepError(
      'InvalidInput',
      `${table} has to be staged before the tables that read it; stage in the plan's order: ${scene.plan.tables.join(', ')}`,
    );
  }
  return found;
}

/** A query in parentheses: the table as the refresh will leave it. */
export function refreshedRelation(scene: RefreshScene, table: OrderedTable): string {
  const staged = stagedOf(scene, table.spec.table);
  const { base } = scene.plan;
  if (base === null || replacesAll(scene.plan, table)) return `(FROM ${stagedRelation(staged)})`;
  const before = `SELECT old.* FROM ${baseRelation(table.spec.table, base)}`;
  const key = keyOf(table.spec);
  const kept =
    staged.replacedKeysFile === undefined || key === undefined
      ? before
      : `${before} ANTI JOIN read_parquet(${literal(staged.replacedKeysFile)}) AS gone ON ${sameKey(key, 'old', 'gone')}`;
  return `(${kept} UNION ALL BY NAME FROM ${stagedRelation(staged)})`;
}

/**
 * Makes views, named as the project names them, of all that a table's SQL reads. For a feature view with a `lookback`
 * silver tables that declare their event time show only rows that can still matter to what is new.
 */
export async function createRefreshViews(
  c: DuckDBConnection,
  scene: RefreshScene,
  target: OrderedTable,
  instead: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  for (const name of target.reads) {
    const table = scene.order.find((t) => t.spec.table === name);
    if (table === undefined) continue;
    const relation = instead.get(name) ?? refreshedRelation(scene, table);
    await c.run(
      `CREATE OR REPLACE VIEW ${name} AS SELECT * FROM ${relation}${recent(scene.plan, target.spec, table.spec)}`,
    );
  }
}

function recent(plan: RefreshPlan, target: TableSpec, read: TableSpec): string {
  if (plan.full || plan.base === null || target.kind !== 'gold' || target.view.lookback === undefined) return '';
  if (read.kind !== 'silver' || read.eventTime === undefined) return '';
  const since = shiftInstant(plan.base.asOf, -durationMs(target.view.lookback));
  return ` WHERE ${identifier(read.eventTime)} >= ${timestampLiteral(since)}`;
}
