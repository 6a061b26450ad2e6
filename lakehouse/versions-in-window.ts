import type { Lake } from './lake.ts';
import { predictionsTable } from './predictions.ts';
import { rowsOf } from './query-rows.ts';
import { timestampLiteral } from './sql-text.ts';
import { tableColumns } from './table-columns.ts';

/** The versions that made a window's predictions, with how many; most first. Empty where nothing was scored. */
export async function versionsInWindow(
  lake: Lake,
  { project, from, until }: { readonly project: string; readonly from: string; readonly until: string },
): Promise<{ readonly version: number; readonly rows: number }[]> {
  const table = predictionsTable(project);
  return lake.work(async (c) => {
    if ((await tableColumns(c, table)).length === 0) return [];
    return rowsOf(
      c,
      `SELECT model_version::DOUBLE AS version, count(*)::DOUBLE AS rows FROM lake.${table}
       WHERE event_time >= ${timestampLiteral(from)} AND event_time < ${timestampLiteral(until)}
       GROUP BY model_version ORDER BY rows DESC, version DESC`,
    );
  });
}
