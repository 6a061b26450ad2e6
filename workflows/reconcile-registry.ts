import type { ReconcileRegistryResult } from '../contracts/audit-workflows.ts';
import { auditing } from './activities.ts';
import { beginStory, markdownTable } from './story.ts';

/** Holds the registry against its workflows, its files and itself; says what does not fit and what to do. Changes nothing. */
export async function reconcileRegistry(): Promise<ReconcileRegistryResult> {
  const story = beginStory('Reconciliation');
  story.phase('look', 'Comparing requests, Production, decisions and leases with workflows and files.');
  const result = await auditing.reconcileRegistry.executeWithOptions({ summary: 'compare' }, []);
  const rows = result.findings.map(({ kind, model, version, found, meaning, repair }) => [
    kind,
    `${model} ${version ?? ''}`,
    found,
    meaning,
    `\`${repair}\``,
  ]);
  const table = markdownTable(['what', 'of', 'found', 'it means', 'to do'], rows);
  story.phase('done', result.count === 0 ? 'All fits.' : `**${result.count} findings**\n\n${table}`);
  return result;
}
