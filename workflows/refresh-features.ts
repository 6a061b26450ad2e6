import type {
  ExpectationCount,
  PublishedRefresh,
  RefreshFeaturesInput,
  RefreshFeaturesResult,
  RefreshPlan,
  StagedTable,
} from '../contracts/refresh-features.ts';
import type { PinnedProject } from '../contracts/training.ts';
import { acceptInput } from './accept.ts';
import { refreshing } from './activities.ts';
import { beginStory, markdownTable, type Story } from './story.ts';

/**
 * Brings an environment's tables and feature views up to an instant: what became known since the last refresh is staged
 * table by table and then adopted by the lake in one transaction.
 */
export async function refreshFeatures(input: RefreshFeaturesInput): Promise<RefreshFeaturesResult> {
  const story = beginStory('Feature refresh');
  const { pinned, asOf, input: accepted } = await acceptInput<RefreshFeaturesInput>('refreshFeatures', input, story);

  // Another refresh may publish while this one stages: then it looks again, and most often finds less to do.
  for (;;) {
    story.phase('plan', 'Looking for what became known since the last refresh.');
    const plan = await refreshing.planRefresh.executeWithOptions({ summary: `what is new as of ${asOf}` }, [
      { pinned, asOf, full: accepted.full ?? false },
    ]);
    if (plan.outcome === 'no-new-data') {
      story.phase('done', `Nothing became known since ${plan.base?.asOf ?? 'the start'}.`);
      return { outcome: 'no-new-data', asOf, snapshot: plan.base?.snapshot ?? null, tables: [], expectations: [] };
    }
    const staged = await stageTables(pinned, plan, story);
    if (staged === null) continue;
    const stopped = staged.find((table) => table.stopped !== undefined);
    if (stopped !== undefined) return recordStop(pinned, plan, staged, `${stopped.table}.${stopped.stopped}`, story);

    story.phase('publish', stagingDetails(plan, staged));
    const published = await refreshing.adoptRefresh.executeWithOptions(
      { summary: `publish ${plan.tables.length} tables at once` },
      [{ pinned, plan, staged }],
    );
    if (published === null) continue;
    story.phase('done', publishedDetails(published));
    return { outcome: 'refreshed', asOf, ...published };
  }
}

/** Stages a plan's tables in order, up to one that an expectation stops; null when the plan was carried out meanwhile. */
async function stageTables(pinned: PinnedProject, plan: RefreshPlan, story: Story): Promise<StagedTable[] | null> {
  const staged: StagedTable[] = [];
  for (const table of plan.tables) {
    story.phase('stage', stagingDetails(plan, staged, table));
    const next = await refreshing.stageTable.executeWithOptions({ summary: `stage ${table}` }, [
      { pinned, plan, table, staged },
    ]);
    if (next === null) return null;
    staged.push(next);
    if (next.stopped !== undefined) break;
  }
  return staged;
}

async function recordStop(
  pinned: PinnedProject,
  plan: RefreshPlan,
  staged: readonly StagedTable[],
  stoppedBy: string,
  story: Story,
): Promise<RefreshFeaturesResult> {
  story.phase('done', `**Stopped** by expectation \`${stoppedBy}\`. Nothing was published.`);
  await refreshing.recordStoppedRefresh.executeWithOptions({ summary: `stopped by ${stoppedBy}` }, [
    { pinned, plan, staged },
  ]);
  return {
    outcome: 'stopped-by-expectation',
    asOf: plan.asOf,
    snapshot: plan.base?.snapshot ?? null,
    tables: [],
    expectations: expectationCounts(staged),
    stoppedBy,
  };
}

function publishedDetails({ snapshot, tables }: PublishedRefresh): string {
  const rows = tables.map((t) => [t.table, String(t.rows), String(t.total)]);
  return `Published as snapshot **${snapshot}**.\n\n${markdownTable(['table', 'rows added', 'rows now'], rows)}`;
}

function stagingDetails(plan: RefreshPlan, staged: readonly StagedTable[], current?: string): string {
  const rows = plan.tables.map((table) => {
    const done = staged.find((s) => s.table === table);
    return [table, done === undefined ? (table === current ? 'working' : 'waiting') : `${done.rows} rows staged`];
  });
  return `${plan.newRows} new rows, ${plan.surfacedRows} rows of which more became known.\n\n${markdownTable(['table', 'state'], rows)}`;
}

function expectationCounts(staged: readonly StagedTable[]): ExpectationCount[] {
  return staged.flatMap((s) => s.expectations.map((e) => ({ table: s.table, ...e })));
}
