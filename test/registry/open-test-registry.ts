import { join } from 'node:path';
import type { ApprovalRules } from '../../contracts/approval-rules.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Quorum } from '../../contracts/quorum.ts';
import { createArtifactStore, type ArtifactStore } from '../../registry/artifact-store.ts';
import type { RegistryDatabase, RegistryLocation } from '../../registry/database.ts';
import { createRegistry, type Registry } from '../../registry/registry.ts';
import { openTestDatabase, type TestDatabaseOptions } from './test-database.ts';

export interface TestRegistry {
  readonly registry: Registry;
  readonly db: RegistryDatabase;
  readonly artifacts: ArtifactStore;
  readonly folder: string;
  /** Where the database is, for whoever opens it once more. */
  readonly location: RegistryLocation;
  /** Registers the model's next version, with a run of its own. */
  readonly register: (model: string, key?: string) => Promise<number>;
  /** Registers a version and brings it to Staging. */
  readonly stage: (model: string, key?: string) => Promise<number>;
  /** Opens the gate of a version in Staging against the present champion; the digest follows from version and round. */
  readonly open: (model: string, version: number, round?: number) => Promise<{ requestId: string; digest: string }>;
  readonly approve: (model: string, version: number, requestId: string, approver?: string) => Promise<void>;
  /** The whole way of a new version into Production. */
  readonly promoteNew: (model: string) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** A digest for tests: 64 hex digits that follow from the text. */
export function digestOf(text: string): string {
  return Buffer.from(text.padEnd(32, '.').slice(-32)).toString('hex');
}

/** A registry on a real database of its own; each instant of its clock is a second after the one before. */
export async function openTestRegistry(options: TestDatabaseOptions = {}): Promise<TestRegistry> {
  const { db, location, folder, close } = await openTestDatabase(options);
  const artifacts = createArtifactStore({ folder: join(folder, 'artifacts') });
  let clock = Date.parse('2001-03-01T00:00:00Z');
  const registry = createRegistry({ db, artifacts, now: () => new Date((clock += 1000)) });
  let keys = 0;

  const register = async (model: string, key = `version ${(keys += 1)} of ${process.pid}`): Promise<number> => {
    const onnx = await artifacts.putBytes(Buffer.from(`${model} ${key}`));
    const details = { params: {}, metrics: { auc: 0.7 }, tags: {}, artifacts: { 'model.onnx': onnx }, inputs: {} };
    const { runId } = await registry.logRun({
      naturalKey: `${model}/${key}`,
      experiment: model,
      name: key,
      ...details,
    });
    const named = { model, runId, onnx, description: '', tags: { owner: 'team' }, owner: 'team' };
    return (await registry.registerModelVersion({ naturalKey: key, ...named })).version;
  };
  const stage = async (model: string, key?: string): Promise<number> => {
    const version = await register(model, key);
    await registry.recordGate({ ...passed(model, version), naturalKey: `compliance/${model}/${version}` });
    return version;
  };
  const open = async (model: string, version: number, round = 1) => {
    const digest = digestOf(`${model}/${version}/${round}`);
    const champion = (await registry.productionVersion(model))?.version ?? null;
    const opened = await registry.openApproval({
      naturalKey: `production/${model}/${version}/${digest}`,
      model,
      version,
      evidenceDigest: digest,
      expectedChampion: champion,
      workflowId: `promote-model/${model}/${version}`,
      requestedBy: 'superstep',
    });
    if (opened.outcome === 'champion-changed') {
      const found = `expected champion ${champion ?? 'none'}, found ${opened.champion ?? 'none'}`;
      throw new SuperstepError('StaleDecision', `the champion of ${model} changed meanwhile: ${found}`);
    }
    return { requestId: opened.requestId, digest };
  };
  const approve = async (model: string, version: number, requestId: string, approver = 'governance'): Promise<void> => {
    await registry.recordDecision({
      naturalKey: `${requestId}/${approver}`,
      model,
      version,
      requestId,
      approver,
      decision: 'approve',
      comment: 'good',
      evidence: '',
      counted: true,
      receivedVia: 'update',
    });
  };
  const promoteNew = async (model: string): Promise<number> => {
    const version = await stage(model);
    const expectedChampion = (await registry.productionVersion(model))?.version ?? null;
    const { requestId, digest } = await open(model, version);
    await approve(model, version, requestId);
    await registry.promote({
      naturalKey: `promote/${requestId}`,
      model,
      version,
      requestId,
      evidenceDigest: digest,
      expectedChampion,
      rules: takesNames(),
      workflowId: `promote-model/${model}/${version}`,
    });
    return version;
  };
  return {
    registry,
    db,
    artifacts,
    folder,
    location,
    register,
    stage,
    open,
    approve,
    promoteNew,
    close,
  };
}

/** The rules of a gate that takes names for proof, as a promotion hands them in. */
export function takesNames(quorum: Quorum = 1): ApprovalRules {
  const ground = { environment: 'prod' as const, model: '', version: 0, modelDigest: '', requestId: '', snapshot: 1 };
  return {
    approvers: ['governance', 'ml-lead', 'data-scientist'],
    quorum,
    proof: 'claimed',
    requester: 'superstep',
    separateRequester: false,
    evidenceRequired: false,
    ground: { ...ground, evidenceDigest: '' },
    keys: [],
  };
}

/** A compliance pass that leads to Staging; give it a key. */
export function passed(model: string, version: number) {
  return {
    model,
    version,
    gate: 'compliance' as const,
    verdict: 'pass' as const,
    summary: 'all checks pass',
    checks: [{ name: 'parity', verdict: 'pass' as const, expected: '<= 1e-5', found: '1e-7' }],
    then: 'Staging' as const,
    by: 'superstep',
  };
}
