import type { Client } from '@temporalio/client';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchHistoryJson, workflowStanding } from '../../activities/workflow-histories.ts';
import { workflowId as idOf } from '../../contracts/workflow-ids.ts';
import { archivedHistoryOf, type ArchivedHistory } from '../../registry/audit/archived-histories.ts';
import type { PackedHistory } from '../../registry/audit/pack/pack-contents.ts';
import type { VersionToExport } from './export-version.ts';
import type { OpenEnvironment } from './open-environment.ts';

/**
 * Writes the histories of every workflow that had to do with a version: those that were archived, and of each workflow
 * the latest run while the server still has it.
 */
export async function writeHistories(
  { artifacts }: OpenEnvironment,
  folder: string,
  { record, rows, client }: VersionToExport,
  trainedBy: string | null,
): Promise<PackedHistory[]> {
  await mkdir(join(folder, 'histories'), { recursive: true });
  const { model, version } = record;
  const named = rows.filter((row) => row.version === version).flatMap((row) => row.workflowId ?? []);
  const ids = new Set([...(trainedBy === null ? [] : [trainedBy]), idOf('promoteModel', model, version), ...named]);
  const kept = rows.flatMap((row) => archivedHistoryOf(row) ?? []);
  const written: PackedHistory[] = [];
  for (const id of ids) {
    const archived = kept.filter(({ workflowId }) => workflowId === id);
    for (const history of archived) written.push(await writeArchived(artifacts, folder, history));
    const live = await writeLive(client, folder, id, archived);
    if (live !== undefined) written.push(live);
  }
  return written;
}

async function writeArchived(
  artifacts: OpenEnvironment['artifacts'],
  folder: string,
  { workflowId, runId, status, history }: ArchivedHistory,
): Promise<PackedHistory> {
  const file = `histories/${runId}.json`;
  if (!(await artifacts.has(history.sha256))) {
    return { workflowId, runId, file: null, archived: true, note: `archived as ${history.sha256}, which is missing` };
  }
  await copyFile(artifacts.path(history), join(folder, file));
  return { workflowId, runId, file, archived: true, note: `ended: ${status}` };
}

async function writeLive(
  client: Client | undefined,
  folder: string,
  workflowId: string,
  archived: readonly ArchivedHistory[],
): Promise<PackedHistory | undefined> {
  const unknown = { workflowId, runId: null, file: null, archived: false };
  if (client === undefined) return archived.length > 0 ? undefined : { ...unknown, note: 'the server was not asked' };
  const { runId, status } = await workflowStanding(client, workflowId);
  if (archived.some((history) => history.runId === runId)) return undefined;
  const json = runId === null ? undefined : await fetchHistoryJson(client, workflowId, runId);
  if (runId === null || json === undefined) {
    return archived.length > 0 ? undefined : { ...unknown, note: 'the server has no such run (any more)' };
  }
  const file = `histories/${runId}.json`;
  await writeFile(join(folder, file), json);
  return { workflowId, runId, file, archived: false, note: `from the server: ${status}` };
}
