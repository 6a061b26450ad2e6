import type { StagedTable } from '../../contracts/refresh-features.ts';
import { adoptRefresh } from '../../lakehouse/adopt-refresh.ts';
import { planRefresh } from '../../lakehouse/plan-refresh.ts';
import { stageTable } from '../../lakehouse/stage-table.ts';
import { ALL_KNOWN, flightsBundle, flightsSources, type LakeJob, withLake } from './flights.ts';
import { runMeasuredJob } from './measured-child.ts';

/** A full refresh by the lakehouse's own steps, in one process as in a data worker. */
await runMeasuredJob(async (job: LakeJob) => {
  const { bundle, digest } = await flightsBundle();
  const sourceFiles = await flightsSources(bundle);
  return withLake(job, async (lake) => {
    const ids = { project: bundle.definition.project, projectDigest: digest };
    const plan = await planRefresh(lake, bundle, ids, { asOf: ALL_KNOWN, full: true, sourceFiles });
    const staged: StagedTable[] = [];
    for (const table of plan.tables) staged.push(await stageTable(lake, bundle, plan, table, staged));
    const { snapshot, tables } = await adoptRefresh(lake, bundle, plan, staged);
    return { snapshot, rows: Object.fromEntries(tables.map((table) => [table.table, table.total])) };
  });
});
