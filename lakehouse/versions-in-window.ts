import type { Lake } from './lake.ts';
import { predictionsTable } from './predictions.ts';
import { rowsOf } from './query-rows.ts';
import { timestampLiteral } from './sql-text.ts';

/** A window of a project's predictions, whichever version made them. */
export interface ProjectWindow {
  readonly project: string;
  /** Half-open; ISO instants. */
  readonly from: string;
  readonly until: string;
  /** The lake's version to read: that of a commit of predictions of the project. */
  readonly predictionsSnapshot: number;
}

/** How many of a window's rows a version predicted. */
export interface VersionRows {
  readonly version: number;
  readonly rows: number;
}

/** The versions that made a window's predictions, the oldest first. Empty where nothing was scored. */
export async function versionsInWindow(lake: Lake, window: ProjectWindow): Promise<number[]> {
  const found = await lake.work((c) =>
    rowsOf<{ version: number }>(
      c,
      `SELECT DISTINCT model_version::DOUBLE AS version FROM ${windowSql(window)} ORDER BY version`,
    ),
  );
  return found.map(({ version }) => version);
}

/**
 * How many of a window's rows each version predicted that lie at or after the as-of of its training: earlier ones are its
 * own training or held-out rows, and say nothing about how it does since. Most first, of equals the older version, which
 * served first. A version without such rows is left out.
 */
export async function rowsAfterTraining(
  lake: Lake,
  window: ProjectWindow,
  trainings: readonly { readonly version: number; readonly asOf: string }[],
): Promise<VersionRows[]> {
  if (trainings.length === 0) return [];
  const values = trainings.map(({ version, asOf }) => `(${version}, ${timestampLiteral(asOf)})`).join(', ');
  return lake.work((c) =>
    rowsOf<{ version: number; rows: number }>(
      c,
      `SELECT p.model_version::DOUBLE AS version, count(*)::DOUBLE AS rows
       FROM ${windowSql(window)} AS p JOIN (VALUES ${values}) AS t(version, as_of)
         ON p.model_version = t.version AND p.event_time >= t.as_of
       GROUP BY p.model_version ORDER BY rows DESC, version`,
    ),
  );
}

function windowSql({ project, from, until, predictionsSnapshot }: ProjectWindow): string {
  return `(SELECT model_version, event_time FROM lake.${predictionsTable(project)} AT (VERSION => ${predictionsSnapshot})
    WHERE event_time >= ${timestampLiteral(from)} AND event_time < ${timestampLiteral(until)})`;
}
