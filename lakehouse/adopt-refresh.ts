import { basename } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type {
  ExpectationCount,
  PublishedRefresh,
  RefreshedTable,
  RefreshPlan,
  StagedTable,
} from '../contracts/refresh-features.ts';
import { buildOrder, type OrderedTable } from './build-order.ts';
import { newestOfKind } from './commits.ts';
import { writeExpectationResults } from './expectation-results.ts';
import type { CommitRecord, Lake } from './lake.ts';
import { describe } from './project-sql.ts';
import { baseRelation, type RefreshScene, replacesAll, stagedOf } from './refresh-views.ts';
import { literal, sameKey } from './sql-text.ts';
import { stagingFolder, sweepStaging } from './staging.ts';
import { definitionDigest, hasQuarantine, keyOf, quarantineOf } from './table-specs.ts';
import { refuseForeignTables } from './table-owners.ts';

/** What a refresh's commit keeps, beside key and as-of, for those who come later. */
interface RefreshDetails {
  readonly definitionDigest: string;
  readonly full: boolean;
  readonly tables: readonly RefreshedTable[];
  readonly expectations: readonly ExpectationCount[];
  /** Names of the staged files that the lake owns now. */
  readonly files: readonly string[];
}

/**
 * Publishes all staged tables of a plan in one lake transaction under the plan's key; repeated, it gives the same
 * snapshot and adds nothing. Throws `ExpectationFailed` when a rule stopped one of them, `InvalidInput` when one is
 * missing, `IllegalTransition` when another refresh was published since the plan was made.
 */
export async function adoptRefresh(
  lake: Lake,
  bundle: PinnedBundle,
  plan: RefreshPlan,
  staged: readonly StagedTable[],
): Promise<PublishedRefresh> {
  refuseStopped(staged);
  const earlier = await lake.findCommit(plan.key);
  const record = earlier ?? (await publish(lake, bundle, plan, staged));
  const details = record.details as unknown as RefreshDetails;
  await sweepStaging(stagingFolder(lake.dataFolder, plan.key), details.files);
  return { snapshot: record.snapshot, tables: details.tables, expectations: details.expectations };
}

async function publish(
  lake: Lake,
  bundle: PinnedBundle,
  plan: RefreshPlan,
  staged: readonly StagedTable[],
): Promise<CommitRecord> {
  const { scene, tables } = await lake.work(async (c) => {
    const found: RefreshScene = { plan, order: await buildOrder(c, bundle), staged };
    const counted: RefreshedTable[] = [];
    for (const table of found.order) counted.push(await countRows(c, found, table));
    return { scene: found, tables: counted };
  });
  const details: RefreshDetails = {
    definitionDigest: definitionDigest(bundle),
    full: plan.full,
    tables,
    expectations: staged.flatMap((s) => s.expectations.map((e) => ({ table: s.table, ...e }))),
    files: staged
      .flatMap((s) => [s.file, ...(s.quarantineFile === undefined ? [] : [s.quarantineFile])])
      .map((f) => basename(f)),
  };
  const commit = {
    key: plan.key,
    kind: 'refresh',
    project: plan.project,
    asOf: plan.asOf,
    details: { ...details },
  } as const;
  return lake.commit(commit, async (c) => {
    const newest = await newestOfKind(c, 'refresh', plan.project);
    requireBase(plan, newest);
    await refuseForeignTables(c, plan.project, plan.tables);
    if (plan.full) await dropForgotten(c, scene, newest);
    for (const table of scene.order) await adoptTable(c, scene, table);
    await writeExpectationResults(c, plan, staged);
  });
}

function refuseStopped(staged: readonly StagedTable[]): void {
  const stopped = staged.find((s) => s.stopped !== undefined);
  if (stopped === undefined) return;
  throw new SuperstepError(
    'ExpectationFailed',
    `${stopped.table} broke its rule ${stopped.stopped}, which stops a refresh; nothing of it can be published; correct the source or the rule and refresh again`,
    { table: stopped.table, expectation: stopped.stopped },
  );
}

function requireBase(plan: RefreshPlan, newest: CommitRecord | undefined): void {
  if (newest?.snapshot === plan.base?.snapshot) return;
  const at = (base: { snapshot: number; asOf: string } | null | undefined): string =>
    base === null || base === undefined ? 'no refresh' : `the refresh as of ${base.asOf} (snapshot ${base.snapshot})`;
  throw new SuperstepError(
    'IllegalTransition',
    `another refresh of ${plan.project} was published meanwhile: this one builds on ${at(plan.base)}, the lake holds ${at(newest)}; start it again`,
    { expected: plan.base?.snapshot ?? null, found: newest?.snapshot ?? null },
  );
}

/** Rows in the table once the refresh is published, from what the lake holds and what is staged. */
async function countRows(c: DuckDBConnection, scene: RefreshScene, table: OrderedTable): Promise<RefreshedTable> {
  const { rows, replacedKeysFile } = stagedOf(scene, table.spec.table);
  const name = table.spec.table;
  const { base } = scene.plan;
  if (base === null || replacesAll(scene.plan, table)) return { table: name, rows, total: rows };
  const before = await count(c, `SELECT count(*) FROM ${baseRelation(name, base)}`);
  const key = keyOf(table.spec);
  const gone =
    replacedKeysFile === undefined || key === undefined
      ? 0
      : await count(
          c,
          `SELECT count(*) FROM ${baseRelation(name, base)} SEMI JOIN read_parquet(${literal(replacedKeysFile)}) AS gone ON ${sameKey(key, 'old', 'gone')}`,
        );
  return { table: name, rows, total: before - gone + rows };
}

async function count(c: DuckDBConnection, query: string): Promise<number> {
  return Number((await c.runAndReadAll(query)).getRows()[0]?.[0]);
}

async function adoptTable(c: DuckDBConnection, scene: RefreshScene, table: OrderedTable): Promise<void> {
  const { spec } = table;
  const staged = stagedOf(scene, spec.table);
  const replace = replacesAll(scene.plan, table);
  const key = keyOf(spec);
  const adopt = async (name: string, file: string, description: string): Promise<void> => {
    await prepareTable(c, name, file, description, replace);
    if (!replace && key !== undefined && staged.replacedKeysFile !== undefined) {
      // Deleted before the new rows come: rows inserted and changed in one transaction spoil later change feeds.
      await c.run(
        `DELETE FROM lake.${name} AS old USING (SELECT DISTINCT * FROM read_parquet(${literal(staged.replacedKeysFile)})) AS gone
         WHERE ${sameKey(key, 'old', 'gone')}`,
      );
    }
    await addFile(c, name, file);
  };
  await adopt(spec.table, staged.file, spec.description);
  if (hasQuarantine(spec) && staged.quarantineFile !== undefined) {
    await adopt(quarantineOf(spec.table), staged.quarantineFile, `Rows that the rules of ${spec.table} refused`);
  }
}

/** Makes the table when it is missing, empties it when it is to be replaced, anew when its columns are other ones. */
async function prepareTable(
  c: DuckDBConnection,
  name: string,
  file: string,
  description: string,
  replace: boolean,
): Promise<void> {
  const relation = `read_parquet(${literal(file)})`;
  if (await tableExists(c, name)) {
    if (!replace) return;
    const [now, next] = [await describe(c, `lake.${name}`), await describe(c, relation)];
    if (JSON.stringify(now) === JSON.stringify(next)) {
      await c.run(`DELETE FROM lake.${name}`);
      return;
    }
    await c.run(`DROP TABLE lake.${name}`);
  }
  await c.run(`CREATE TABLE lake.${name} AS FROM ${relation} LIMIT 0`);
  await c.run(`COMMENT ON TABLE lake.${name} IS ${literal(description)}`);
}

async function addFile(c: DuckDBConnection, name: string, file: string): Promise<void> {
  const rows = await count(c, `SELECT count(*) FROM read_parquet(${literal(file)})`);
  if (rows === 0) return;
  const [schema, table] = name.split('.');
  await c.run(
    `CALL ducklake_add_data_files('lake', ${literal(table ?? '')}, ${literal(file)}, schema => ${literal(schema ?? '')})`,
  );
}

async function tableExists(c: DuckDBConnection, name: string): Promise<boolean> {
  const [schema, table] = name.split('.');
  const found = await c.runAndReadAll(
    `SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = ${literal(schema ?? '')} AND table_name = ${literal(table ?? '')}`,
  );
  return found.currentRowCount > 0;
}

/** Drops tables that the project no longer declares. Snapshots before this one keep them. */
async function dropForgotten(c: DuckDBConnection, scene: RefreshScene, base: CommitRecord | undefined): Promise<void> {
  const before = (base?.details as RefreshDetails | undefined)?.tables.map((t) => t.table) ?? [];
  const now = new Set(scene.order.map((t) => t.spec.table));
  const quarantined = new Set(
    scene.order
      .map((t) => t.spec)
      .filter(hasQuarantine)
      .map((spec) => spec.table),
  );
  for (const table of before) {
    if (!now.has(table)) await c.run(`DROP TABLE IF EXISTS lake.${table}`);
    if (!quarantined.has(table)) await c.run(`DROP TABLE IF EXISTS lake.${quarantineOf(table)}`);
  }
}
