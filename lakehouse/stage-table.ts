import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { RefreshPlan, StagedTable } from '../contracts/refresh-features.ts';
import { buildOrder, type OrderedTable } from './build-order.ts';
import type { Lake } from './lake.ts';
import { type Column, describe } from './project-sql.ts';
import { baseRelation, type RefreshScene, replacesAll, stagedOf } from './refresh-views.ts';
import { fingerprint } from './source-scan.ts';
import { literal } from './sql-text.ts';
import { stageBronze } from './stage-bronze.ts';
import { stageFeatureView } from './stage-feature-view.ts';
import { stageSilver } from './stage-silver.ts';
import { type Staged, stageOnce, stagingFolder } from './staging.ts';

/**
 * Writes one table of a plan to Parquet files that the lake has not adopted yet; `staged` holds the tables before it.
 * Repeated, it finds its own files. A table whose `stop` rule is broken comes back with `stopped` and without files.
 *
 * Throws `SchemaMismatch` when the rows no longer fit the table, `QueryFailed` for the project's SQL, and what reading
 * a source throws; the signal's reason on abort.
 */
export async function stageTable(
  lake: Lake,
  bundle: PinnedBundle,
  plan: RefreshPlan,
  table: string,
  staged: readonly StagedTable[],
  signal?: AbortSignal,
): Promise<StagedTable> {
  const order = await lake.work((c) => buildOrder(c, bundle), signal);
  const target = order.find((t) => t.spec.table === table);
  if (target === undefined) {
    throw new SuperstepError(
      'InvalidInput',
      `${table} is no table of ${plan.project}; its tables are ${plan.tables.join(', ')}`,
    );
  }
  const scene: RefreshScene = { plan, order, staged };
  const name = `${table}-${await inputDigest(scene, target)}`;
  return stageOnce(stagingFolder(lake.dataFolder, plan.key), name, (stem) =>
    lake.work(async (c) => {
      const result = await write(c, bundle, scene, target, stem);
      if (result.keep) await requireSameShape(c, plan, target, result.meta.file);
      return result;
    }, signal),
  );
}

function write(
  c: DuckDBConnection,
  bundle: PinnedBundle,
  scene: RefreshScene,
  target: OrderedTable,
  stem: string,
): Promise<Staged<StagedTable>> {
  const { spec } = target;
  if (spec.kind === 'bronze') return stageBronze(c, scene.plan, spec, bundle.folder, stem);
  if (spec.kind === 'silver') return stageSilver(c, scene, target, spec, stem);
  return stageFeatureView(c, scene, target, spec, stem);
}

/** What the rows are made from: a source's files, or the staged files below. Other inputs, other files. */
async function inputDigest(scene: RefreshScene, target: OrderedTable): Promise<string> {
  const inputs =
    target.spec.kind === 'bronze'
      ? await fingerprint(target.spec, scene.plan.sourceFiles[target.spec.sourceName] ?? [])
      : JSON.stringify(target.reads.map((table) => stagedOf(scene, table).file));
  return createHash('sha256').update(inputs).digest('hex').slice(0, 12);
}

async function requireSameShape(
  c: DuckDBConnection,
  plan: RefreshPlan,
  target: OrderedTable,
  file: string,
): Promise<void> {
  if (plan.base === null || replacesAll(plan, target)) return;
  const { table } = target.spec;
  const found = (await describe(c, `read_parquet(${literal(file)})`)).map(shapeOf).sort().join(', ');
  const expected = (await describe(c, baseRelation(table, plan.base))).map(shapeOf).sort().join(', ');
  if (found === expected) return;
  throw new SuperstepError(
    'SchemaMismatch',
    `${table}: the new rows have the columns ${found}; the table has ${expected}; if the change is meant, refresh with full`,
    { table, expected, found },
  );
}

function shapeOf(column: Column): string {
  return `${column.name} ${column.type}`;
}
