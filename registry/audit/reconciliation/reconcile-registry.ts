import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ArtifactStore } from '../../artifact-store.ts';
import type { RegistryDatabase } from '../../database.ts';
import type { ArtifactStanding, RegistryFacts, WorkflowStanding } from './facts.ts';
import { gatherRegistryFacts } from './registry-facts.ts';
import { carrierOf, reconcile, type Finding } from './rules.ts';

export interface ReconciliationDeps {
  readonly db: RegistryDatabase;
  readonly artifacts: Pick<ArtifactStore, 'path'>;
  readonly environment: string;
  readonly now: () => Date;
  /** Asks the Temporal server for the latest run of a workflow id. */
  readonly workflowStanding: (workflowId: string) => Promise<WorkflowStanding>;
}

/**
 * What in the registry does not fit its workflows, its files or itself. Reads only. Looks twice when it finds
 * something: a promotion that was under way at the first look has ended by the second.
 */
export async function reconcileRegistry(deps: ReconciliationDeps): Promise<Finding[]> {
  const first = await look(deps);
  if (first.length === 0) return first;
  const second = new Set((await look(deps)).map((finding) => JSON.stringify(finding)));
  return first.filter((finding) => second.has(JSON.stringify(finding)));
}

async function look(deps: ReconciliationDeps): Promise<Finding[]> {
  const facts = await gatherRegistryFacts(deps.db, deps.now());
  const workflows = new Map<string, WorkflowStanding>();
  for (const id of workflowIds(facts)) workflows.set(id, await deps.workflowStanding(id));
  const artifacts = new Map<string, ArtifactStanding>();
  for (const sha256 of digests(facts)) artifacts.set(sha256, await artifactStanding(deps.artifacts, sha256));
  return reconcile(facts, { environment: deps.environment, workflows, artifacts });
}

function workflowIds({ requests, leases }: RegistryFacts): Set<string> {
  const ids = requests.map(carrierOf).filter((id) => id !== undefined);
  return new Set([...ids, ...leases.map(({ holder }) => holder)]);
}

function digests({ requests, versions }: RegistryFacts): Set<string> {
  const evidence = requests.map(({ evidenceDigest }) => evidenceDigest);
  const files = versions.filter(({ stage }) => stage === 'Production').map(({ onnx }) => onnx);
  return new Set([...evidence, ...files].filter((digest) => digest !== null));
}

async function artifactStanding(artifacts: Pick<ArtifactStore, 'path'>, sha256: string): Promise<ArtifactStanding> {
  // A digest of another shape is no file's.
  if (!/^[0-9a-f]{64}$/.test(sha256)) return 'missing';
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(
      artifacts.path({ uri: `artifact:sha256/${sha256}`, sha256, bytes: 0 }),
    )) {
      hash.update(piece as Buffer);
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'missing';
    throw error;
  }
  return hash.digest('hex') === sha256 ? 'intact' : 'damaged';
}
