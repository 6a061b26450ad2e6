import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { pinProject } from '../../activities/project-activities.ts';
import type { PromotionDependencies } from '../../activities/promotion-dependencies.ts';
import { projectFolder, writeFiles } from '../projects/project-folder.ts';
import { passed, type TestRegistry } from '../registry/open-test-registry.ts';

/** The model of the sample project. */
export const MODEL = 'ice-cream';
export const SNAPSHOT = 42;

/** What the activities of a promotion need, with the sample project and a policy of these rules for an approval. */
export async function promotionDependencies(t: TestRegistry, approval: string): Promise<PromotionDependencies> {
  await cp(projectFolder(), join(t.folder, 'projects', MODEL), { recursive: true });
  orderPolicy(t, approval);
  return {
    registry: t.registry,
    artifacts: t.artifacts,
    environment: 'prod',
    policies: join(t.folder, 'policies'),
    scratchFolder: join(t.folder, 'scratch'),
    temporalAddress: '127.0.0.1:7233',
    evidenceUrl: 'http://127.0.0.1:8234',
    endpointUrl: 'http://127.0.0.1:1',
  };
}

/** The policy of the day, which is governance's to change at any time. */
export function orderPolicy(t: TestRegistry, approval: string, more = ''): void {
  const rules = `compliance: {}\ncomparison: {}\napproval: ${approval}\nrollback: { by: [ml-lead] }\n${more}`;
  writeFiles(t.folder, { 'policies/prod.yaml': rules });
}

/** A version in Staging with the lineage that training leaves: project, rows, file. */
export async function stageTrained(t: TestRegistry, deps: PromotionDependencies): Promise<number> {
  const pinned = await pinProject({ ...deps, projectRoots: [join(t.folder, 'projects')] }, MODEL, true);
  const naturalKey = String((await t.registry.activityLog(MODEL)).length);
  const onnx = await t.artifacts.putBytes(Buffer.from(`the file of ${naturalKey}`));
  const dataset = { snapshot: SNAPSHOT, asOf: '2001-03-01T00:00:00.000Z' };
  const { runId } = await t.registry.logRun({
    naturalKey,
    experiment: MODEL,
    name: 'training',
    params: {},
    metrics: {},
    tags: {},
    artifacts: { 'model.onnx': onnx },
    inputs: { pinned, dataset },
  });
  const named = { naturalKey, model: MODEL, runId, onnx, description: '', tags: {}, owner: 'team' };
  const { version } = await t.registry.registerModelVersion(named);
  await t.registry.recordGate({ ...passed(MODEL, version), naturalKey: `compliance/${version}` });
  return version;
}
