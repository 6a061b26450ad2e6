import type { DuckDBConnection } from '@duckdb/node-api';
import type { RefreshPlan, StagedTable } from '../contracts/refresh-features.ts';
import type { Lake } from './lake.ts';
import { literal, timestampLiteral } from './sql-text.ts';

/** The table, in the lake, of how many rows broke each rule in each refresh. */
export const EXPECTATION_RESULTS = 'lake.gold.expectation_results';

/**
 * Writes what each rule found into the current lake transaction. What an earlier refresh with the same as-of found is
 * replaced.
 */
export async function writeExpectationResults(
  c: DuckDBConnection,
  plan: Pick<RefreshPlan, 'project' | 'asOf'>,
  staged: readonly StagedTable[],
): Promise<void> {
  await c.run(
    `CREATE TABLE IF NOT EXISTS ${EXPECTATION_RESULTS} (project VARCHAR, as_of TIMESTAMP, table_name VARCHAR,
       expectation VARCHAR, action VARCHAR, broken BIGINT, total BIGINT)`,
  );
  const asOf = timestampLiteral(plan.asOf);
  await c.run(`DELETE FROM ${EXPECTATION_RESULTS} WHERE project = ${literal(plan.project)} AND as_of = ${asOf}`);
  const rows = staged.flatMap((s) =>
    s.expectations.map(
      (e) =>
        `(${literal(plan.project)}, ${asOf}, ${literal(s.table)}, ${literal(e.name)}, ${literal(e.action)}, ${e.broken}, ${e.total})`,
    ),
  );
  if (rows.length > 0) await c.run(`INSERT INTO ${EXPECTATION_RESULTS} VALUES ${rows.join(', ')}`);
}

/** Records what the rules found in a refresh that one of them stopped, in a lake commit of its own. */
export async function recordExpectations(lake: Lake, plan: RefreshPlan, staged: readonly StagedTable[]): Promise<void> {
  const stopped = staged.find((s) => s.stopped !== undefined);
  const key = `${plan.key}/stopped/${stopped?.table ?? 'none'}.${stopped?.stopped ?? 'none'}`;
  const details = { stoppedBy: stopped === undefined ? null : `${stopped.table}.${stopped.stopped}` };
  await lake.commit({ key, kind: 'metrics', project: plan.project, asOf: plan.asOf, details }, (c) =>
    writeExpectationResults(c, plan, staged),
  );
}
