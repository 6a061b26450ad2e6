import { EXPECTATION_RESULTS } from './expectation-results.ts';
import type { Lake } from './lake.ts';
import { rowsOf } from './query-rows.ts';
import { literal, timestampLiteral } from './sql-text.ts';
import { tableColumns } from './table-columns.ts';

/** How the rows of a span did against the project's expectations. */
export interface DataQuality {
  /** Share of the rows, as they came in, that an expectation dropped or quarantined: the worst table's. */
  readonly refusedShare: number;
  /** Whether an expectation stopped a refresh, and no later one was published: the data is still broken. */
  readonly stopped: boolean;
}

/**
 * Data quality of what was refreshed in (from, until], by the counts that each refresh published. A stop counts as long as
 * no refresh as of the same instant or a later one, up to `until`, was published: that one took the repaired data in.
 */
export async function dataQualityOf(lake: Lake, project: string, from: string, until: string): Promise<DataQuality> {
  return lake.work(async (c) => {
    if ((await tableColumns(c, EXPECTATION_RESULTS.replace('lake.', ''))).length === 0)
      return { refusedShare: 0, stopped: false };
    const [row] = await rowsOf<{ refused_share: number | null; stopped: boolean | null }>(
      c,
      `SELECT max(refused_share) AS refused_share, bool_or(stopped) AS stopped FROM (
         SELECT table_name,
           sum(broken) FILTER (action <> 'stop')::DOUBLE / nullif(max(total), 0)::DOUBLE AS refused_share,
           bool_or(action = 'stop' AND broken > 0
             AND as_of > coalesce((SELECT max(as_of) FROM lake.main.commits
               WHERE kind = 'refresh' AND project = ${literal(project)} AND as_of <= ${timestampLiteral(until)}),
               TIMESTAMP '-infinity')) AS stopped
         FROM ${EXPECTATION_RESULTS}
         WHERE project = ${literal(project)} AND as_of > ${timestampLiteral(from)} AND as_of <= ${timestampLiteral(until)}
         GROUP BY table_name, as_of)`,
    );
    return { refusedShare: row?.refused_share ?? 0, stopped: row?.stopped ?? false };
  });
}
