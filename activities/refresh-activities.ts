import { Context } from '@temporalio/activity';
import type {
  AdoptRefreshInput,
  PlanRefreshInput,
  PublishedRefresh,
  RefreshPlan,
  StagedTable,
  StageTableInput,
} from '../contracts/refresh-features.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { adoptRefresh } from '../lakehouse/adopt-refresh.ts';
import { recordExpectations } from '../lakehouse/expectation-results.ts';
import { recordCheck } from '../lakehouse/known-until.ts';
import { planRefresh } from '../lakehouse/plan-refresh.ts';
import { stageTable } from '../lakehouse/stage-table.ts';
import { resolveSourceFiles } from '../projects/source-files.ts';
import type { DataDependencies } from './data-dependencies.ts';
import { readBundle } from './pinned-bundles.ts';

export type RefreshActivities = ReturnType<typeof createRefreshActivities>;

/** The steps of `refreshFeatures`: what is new, each table to files, then all of them into the lake at once. */
export function createRefreshActivities({ lake, artifacts }: Pick<DataDependencies, 'lake' | 'artifacts'>) {
  return {
    async planRefresh({ pinned, asOf, full }: PlanRefreshInput): Promise<RefreshPlan> {
      const bundle = await readBundle(artifacts, pinned);
      const sourceFiles: Record<string, string[]> = {};
      for (const [name, source] of Object.entries(bundle.definition.sources)) {
        sourceFiles[name] = await resolveSourceFiles(source.path, bundle.folder);
      }
      const ids = { project: pinned.project, projectDigest: pinned.projectDigest };
      const plan = await planRefresh(lake, bundle, ids, { asOf, full, sourceFiles });
      if (plan.outcome === 'no-new-data') await recordCheck(lake, plan);
      return plan;
    },

    /** Stages one table of a plan; null when the plan was carried out meanwhile, by another run of the same refresh. */
    async stageTable({ pinned, plan, table, staged }: StageTableInput): Promise<StagedTable | null> {
      if ((await lake.findCommit(plan.key)) !== undefined) return null;
      const bundle = await readBundle(artifacts, pinned);
      return stageTable(lake, bundle, plan, table, staged, Context.current().cancellationSignal);
    },

    /** Publishes a plan's tables; null when another refresh was published meanwhile, so that the plan must be made anew. */
    async adoptRefresh({ pinned, plan, staged }: AdoptRefreshInput): Promise<PublishedRefresh | null> {
      try {
        return await adoptRefresh(lake, await readBundle(artifacts, pinned), plan, staged);
      } catch (error) {
        if (error instanceof SuperstepError && error.type === 'IllegalTransition') return null;
        throw error;
      }
    },

    /** Nothing is published, but that a rule stopped the refresh, and how many rows broke it, stays readable. */
    async recordStoppedRefresh({ plan, staged }: AdoptRefreshInput): Promise<void> {
      await recordExpectations(lake, plan, staged);
    },
  };
}
