import { rename, rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { RefreshPlan, StagedTable } from '../contracts/refresh-features.ts';
import type { OrderedTable } from './build-order.ts';
import { copyToParquet } from './copy-to-parquet.ts';
import { judge, keptRows, quarantinedRows } from './expectations.ts';
import { describe, describeProjectSql, runProjectSql, selectBody } from './project-sql.ts';
import {
  baseRelation,
  createRefreshViews,
  refreshedRelation,
  type RefreshScene,
  replacesAll,
  stagedOf,
  stagedRelation,
} from './refresh-views.ts';
import { identifiers, literal, sameKey } from './sql-text.ts';
import type { Staged } from './staging.ts';
import { hasQuarantine, keyOf, quarantineOf, type SilverSpec } from './table-specs.ts';

/**
 * A silver table: its SQL over what changed below (with a key) or over everything (without), judged by its rules. Kept
 * rows, refused rows and the keys that they replace come into files of their own.
 */
export async function stageSilver(
  c: DuckDBConnection,
  scene: RefreshScene,
  target: OrderedTable,
  spec: SilverSpec,
  stem: string,
): Promise<Staged<StagedTable>> {
  const { plan } = scene;
  const { table, key, expectations } = spec;
  const merge = key !== undefined && plan.base !== null && !replacesAll(plan, target);
  await createRefreshViews(c, scene, target, merge ? await changedRows(c, scene, target, key) : undefined);
  const required = [...(key ?? []), ...(spec.eventTime === undefined ? [] : [spec.eventTime])];
  await describeProjectSql(c, spec.sql, required, table);

  const raw = `${stem}.raw.parquet`;
  const file = `${stem}.parquet`;
  const total = await runProjectSql(spec.sql, () => copyToParquet(c, selectBody(spec.sql.text), raw));
  const judged = `read_parquet(${literal(raw)})`;
  const counts = await judge(c, table, judged, expectations);
  const stopped = counts.find((count) => count.action === 'stop' && count.broken > 0)?.name;
  if (stopped !== undefined) {
    return { meta: { table, rows: 0, file: '', expectations: counts, stopped }, files: [], keep: false };
  }
  const files = [file];
  let rows = total;
  if (counts.some((count) => count.broken > 0)) {
    rows = await copyToParquet(c, `SELECT * FROM ${judged} WHERE ${keptRows(expectations)}`, file);
  }
  let meta: StagedTable = { table, rows, file, expectations: counts };
  if (hasQuarantine(spec)) {
    const quarantineFile = `${stem}.quarantine.parquet`;
    await copyToParquet(c, quarantinedRows(judged, key ?? [], expectations, plan.asOf), quarantineFile);
    meta = { ...meta, quarantineFile };
    files.push(quarantineFile);
  }
  if (rows === total) await rename(raw, file);
  else await rm(raw);
  if (merge) {
    const replacedKeysFile = `${stem}.keys.parquet`;
    if ((await writeReplacedKeys(c, plan, spec, replacedKeysFile)) > 0) {
      meta = { ...meta, replacedKeysFile };
      files.push(replacedKeysFile);
    }
  }
  return { meta, files, keep: true };
}

/**
 * Finds the keys whose rows changed below, into the temporary table `affected`, and for each table that the SQL reads a
 * relation of its rows with those keys.
 */
async function changedRows(
  c: DuckDBConnection,
  scene: RefreshScene,
  target: OrderedTable,
  key: readonly string[],
): Promise<Map<string, string>> {
  const below = scene.order.filter((t) => target.reads.includes(t.spec.table));
  const changed: string[] = [];
  for (const table of below) {
    await requireKey(c, scene, target, table, key);
    changed.push(...changedKeys(scene, table, key));
  }
  await c.run(
    `CREATE OR REPLACE TEMP TABLE affected AS SELECT DISTINCT ${identifiers(key)} FROM (${changed.join(' UNION ALL ')})`,
  );
  const only = below[0];
  if (below.length === 1 && only !== undefined && sameColumns(keyOf(only.spec), key)) {
    // All rows with an affected key are among the staged ones, since these are whole keys themselves.
    return new Map([[only.spec.table, stagedRelation(stagedOf(scene, only.spec.table))]]);
  }
  return new Map(
    below.map((table) => [
      table.spec.table,
      `(SELECT rows.* FROM ${refreshedRelation(scene, table)} AS rows SEMI JOIN temp.main.affected AS affected ON ${sameKey(key, 'rows', 'affected')})`,
    ]),
  );
}

/** Queries of the keys, in `key`'s columns, of a table's added rows and of the rows that they replace. */
function changedKeys(scene: RefreshScene, table: OrderedTable, key: readonly string[]): string[] {
  const staged = stagedOf(scene, table.spec.table);
  const added = `SELECT ${identifiers(key)} FROM ${stagedRelation(staged)}`;
  const own = keyOf(table.spec);
  if (staged.replacedKeysFile === undefined || own === undefined || scene.plan.base === null) return [added];
  const gone = `read_parquet(${literal(staged.replacedKeysFile)})`;
  if (sameColumns(own, key)) return [added, `SELECT ${identifiers(key)} FROM ${gone}`];
  return [
    added,
    `SELECT ${identifiers(key, 'old')} FROM ${baseRelation(table.spec.table, scene.plan.base)} SEMI JOIN ${gone} AS gone ON ${sameKey(own, 'old', 'gone')}`,
  ];
}

async function requireKey(
  c: DuckDBConnection,
  scene: RefreshScene,
  target: OrderedTable,
  read: OrderedTable,
  key: readonly string[],
): Promise<void> {
  const names = (await describe(c, stagedRelation(stagedOf(scene, read.spec.table)))).map((column) => column.name);
  const missing = key.filter((k) => !names.includes(k));
  if (missing.length === 0) return;
  throw new SuperstepError(
    'SchemaMismatch',
    `${target.spec.table} declares the key ${key.join(', ')}, but ${read.spec.table}, which it reads, has no column ${missing.join(', ')} (it has ${names.join(', ')}); a key promises that a row depends only on rows with the same key, so take the key away to have the table rebuilt`,
    { table: target.spec.table, missing, found: names },
  );
}

/** Keys of rows, kept or refused, that the lake has already. */
async function writeReplacedKeys(
  c: DuckDBConnection,
  plan: RefreshPlan,
  spec: SilverSpec,
  file: string,
): Promise<number> {
  const { base } = plan;
  if (base === null || spec.key === undefined) return 0;
  const key = spec.key;
  const tables = [spec.table, ...(hasQuarantine(spec) ? [quarantineOf(spec.table)] : [])];
  const existing = tables.map((table) => `SELECT ${identifiers(key)} FROM ${baseRelation(table, base)}`);
  return copyToParquet(
    c,
    `SELECT affected.* FROM temp.main.affected AS affected SEMI JOIN (${existing.join(' UNION ALL ')}) AS present ON ${sameKey(key, 'affected', 'present')}`,
    file,
  );
}

function sameColumns(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((column) => b.includes(column));
}
