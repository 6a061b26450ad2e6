import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import { literal } from './sql-text.ts';

/** Refuses, with `InvalidProject`, tables that another project of the same lake refreshes. */
export async function refuseForeignTables(
  c: DuckDBConnection,
  project: string,
  tables: readonly string[],
): Promise<void> {
  const found = await c.runAndReadAll(
    `SELECT project, arg_max(details, snapshot_id) AS details FROM lake.main.commits
     WHERE kind = 'refresh' AND project <> ${literal(project)} GROUP BY project`,
  );
  for (const row of found.getRowObjects()) {
    const details = JSON.parse(String(row['details'])) as { tables?: { table: string }[] };
    const taken = (details.tables ?? []).map((t) => t.table).filter((table) => tables.includes(table));
    if (taken.length > 0) {
      throw new SuperstepError(
        'InvalidProject',
        `${taken.join(', ')} of project ${project} already belong to project ${String(row['project'])}, which fills them in this lake; give the tables other names in project.yaml`,
        { project, owner: String(row['project']), tables: taken },
      );
    }
  }
}
