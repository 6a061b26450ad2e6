import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { Lake } from './lake.ts';
import { createProjectView, projectSqlOf, runProjectSql } from './project-sql.ts';
import { parquetRelation, rowsOf } from './query-rows.ts';
import { identifiers, literal, sameKey } from './sql-text.ts';

/**
 * Scores the rows of a dataset by the project's baseline, a SELECT of key and `score` over the relation `dataset`, and
 * writes them, in order, with all their columns to `file`. The baseline sees no
 * other table and no label, so nothing of the future.
 * Throws `QueryFailed` with file and line, and `SchemaMismatch` for a missing column or a row without a score of its own.
 */
export async function scoreByBaseline(
  lake: Lake,
  bundle: PinnedBundle,
  { rowsFile, file }: { readonly rowsFile: string; readonly file: string },
  signal?: AbortSignal,
): Promise<void> {
  const { key, label } = bundle.definition.training;
  const sql = projectSqlOf(bundle, bundle.definition.gates.comparison.baseline.sql);
  await lake.work(async (c) => {
    const rows = parquetRelation(rowsFile);
    // A baseline that saw the labels could not be beaten.
    await c.run(`CREATE VIEW dataset AS SELECT * EXCLUDE (${identifiers([label, 'label_known_at'])}) FROM ${rows}`);
    await createProjectView(c, 'baseline_scores', sql, [...key, 'score'], 'the comparison gate');
    const scored = `SELECT d.*, b.score::FLOAT AS score FROM ${rows} AS d JOIN baseline_scores AS b ON ${sameKey(key, 'd', 'b')}
      ORDER BY d.event_time, ${identifiers(key, 'd')}`;
    await runProjectSql(sql, () => c.run(`COPY (${scored}) TO ${literal(file)} (FORMAT parquet)`));
    const [counts] = await rowsOf<{ readonly rows: number; readonly scores: number; readonly keys: number }>(
      c,
      `SELECT (SELECT count(*) FROM dataset)::DOUBLE AS rows, count(score)::DOUBLE AS scores,
         count(DISTINCT (${identifiers(key)}))::DOUBLE AS keys FROM ${parquetRelation(file)}`,
    );
    if (counts !== undefined && counts.rows === counts.scores && counts.rows === counts.keys) return;
    throw new SuperstepError(
      'SchemaMismatch',
      `${sql.file} gives ${counts?.scores} scores for ${counts?.keys} of ${counts?.rows} rows; expected exactly one for every row of "dataset"`,
      { file: sql.file },
    );
  }, signal);
}
