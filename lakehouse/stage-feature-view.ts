import type { DuckDBConnection } from '@duckdb/node-api';
import type { StagedTable } from '../contracts/refresh-features.ts';
import type { OrderedTable } from './build-order.ts';
import { copyToParquet } from './copy-to-parquet.ts';
import { describeProjectSql, runProjectSql, selectBody } from './project-sql.ts';
import { createRefreshViews, type RefreshScene } from './refresh-views.ts';
import { identifier, timestampLiteral } from './sql-text.ts';
import type { Staged } from './staging.ts';
import type { FeatureViewSpec } from './table-specs.ts';

/** A feature view's rows that became known since the base. A row, once known, never changes, so they are only added. */
export async function stageFeatureView(
  c: DuckDBConnection,
  scene: RefreshScene,
  target: OrderedTable,
  spec: FeatureViewSpec,
  stem: string,
): Promise<Staged<StagedTable>> {
  const { plan } = scene;
  const { entity, event_time, known_at } = spec.view;
  await createRefreshViews(c, scene, target);
  await describeProjectSql(c, spec.sql, [...entity, event_time, known_at], `feature view ${spec.table}`);
  const known = identifier(known_at);
  const after = plan.full || plan.base === null ? '' : ` AND ${known} > ${timestampLiteral(plan.base.asOf)}`;
  const file = `${stem}.parquet`;
  const rows = await runProjectSql(spec.sql, () =>
    copyToParquet(
      c,
      `SELECT * FROM (${selectBody(spec.sql.text)}\n) AS v WHERE ${known} <= ${timestampLiteral(plan.asOf)}${after}`,
      file,
    ),
  );
  return { meta: { table: spec.table, rows, file, expectations: [] }, files: [file], keep: true };
}
