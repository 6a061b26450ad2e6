import type { DuckDBConnection } from '@duckdb/node-api';
import type { RefreshPlan, StagedTable } from '../contracts/refresh-features.ts';
import { copyToParquet } from './copy-to-parquet.ts';
import { happenedWithin, knownBy, surfacedWithin } from './known-by.ts';
import { readingSource, sourceScan } from './source-scan.ts';
import { identifier, identifiers, literal, timestampLiteral } from './sql-text.ts';
import type { Staged } from './staging.ts';
import { BRONZE_KEY, type BronzeSpec } from './table-specs.ts';

/** A source's rows that happened since the base, and those from before of which a column became known since. */
export async function stageBronze(
  c: DuckDBConnection,
  plan: RefreshPlan,
  spec: BronzeSpec,
  folder: string,
  stem: string,
): Promise<Staged<StagedTable>> {
  const { source, table } = spec;
  const scan = await sourceScan(c, spec, plan.sourceFiles[spec.sourceName] ?? [], folder);
  const since = plan.full ? null : plan.base;
  const increment =
    since === null
      ? scan
      : `(FROM ${scan} WHERE ${happenedWithin(source, since.asOf, plan.asOf)} OR ${surfacedWithin(source, since.asOf, plan.asOf)})`;
  const file = `${stem}.parquet`;
  const rows = await readingSource(spec, () => copyToParquet(c, knownBy(increment, source, plan.asOf), file));
  const meta: StagedTable = { table, rows, file, expectations: [] };
  if (since === null) return { meta, files: [file], keep: true };

  const replacedKeysFile = `${stem}.keys.parquet`;
  const replaced = await copyToParquet(
    c,
    `SELECT ${identifiers(BRONZE_KEY)} FROM read_parquet(${literal(file)})
     WHERE ${identifier(source.event_time)} <= ${timestampLiteral(since.asOf)}`,
    replacedKeysFile,
  );
  if (replaced === 0) return { meta, files: [file], keep: true };
  return { meta: { ...meta, replacedKeysFile }, files: [file, replacedKeysFile], keep: true };
}
