import type {
  ExpectationCount,
  RefreshFeaturesInput,
  RefreshFeaturesResult,
  RefreshPlan,
  StagedTable,
} from '../contracts/refresh-features.ts';
import { acceptInput } from './accept.ts';
import { refreshing } from './activities.ts';
import { beginStory, markdownTable } from './story.ts';

/**
 * Brings an environment's tables and feature views up to an instant: what became known since the last refresh is staged
 * table by table and then adopted by the lake in one transaction.
 */
export async function refreshFeatures(input: RefreshFeaturesInput): Promise<RefreshFeaturesResult> {
  const story = beginStory('Feature refresh');
  const { pinned, asOf, input: accepted } = await acceptInput<RefreshFeaturesInput>('refreshFeatures', input, story);

  story.phase('plan', 'Looking for what became known since the last refresh.');
  const plan = await refreshing.planRefresh.executeWithOptions({ summary: `what is new as of ${asOf}` }, [
    { pinned, asOf, full: accepted.full ?? false },
  ]);
  if (plan.outcome === 'no-new-data') {
    story.phase('done', `Nothing became known since ${plan.base?.asOf ?? 'the start'}.`);
    return { outcome: 'no-new-data', asOf, snapshot: plan.base?.snapshot ?? null, tables: [], expectations: [] };
  }

  const staged: StagedTable[] = [];
  for (const table of plan.tables) {
    story.phase('stage', stagingDetails(plan, staged, table));
    const next = await refreshing.stageTable.executeWithOptions({ summary: `stage ${table}` }, [
      { pinned, plan, table, staged },
    ]);
    staged.push(next);
    if (next.stopped !== undefined) {
      story.phase('done', `**Stopped** by expectation \`${table}.${next.stopped}\`. Nothing was published.`);
      await refreshing.recordStoppedRefresh.executeWithOptions({ summary: `stopped by ${table}.${next.stopped}` }, [
        { pinned, plan, staged },
      ]);
      return {
        outcome: 'stopped-by-expectation',
        asOf,
        snapshot: plan.base?.snapshot ?? null,
        tables: [],
        expectations: expectationCounts(staged),
        stoppedBy: `${table}.${next.stopped}`,
      };
    }
  }

  story.phase('publish', stagingDetails(plan, staged));
  const published = await refreshing.adoptRefresh.executeWithOptions(
    { summary: `publish ${plan.tables.length} tables at once` },
    [{ pinned, plan, staged }],
  );
  story.phase(
    'done',
    `Published as snapshot **${published.snapshot}**.\n\n${markdownTable(
      ['table', 'rows added', 'rows now'],
      published.tables.map((t) => [t.table, String(t.rows), String(t.total)]),
    )}`,
  );
  return { outcome: 'refreshed', asOf, ...published };
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
