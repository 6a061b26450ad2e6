import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import proto from 'onnx-proto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdoptionActivities } from '../../activities/adoption-activities.ts';
import { complianceFacts } from '../../activities/compliance-facts.ts';
import { createPromotionActivities } from '../../activities/promotion-activities.ts';
import { readLineage } from '../../activities/training-inputs.ts';
import type { RecordAdoptionInput } from '../../contracts/adopt-version.ts';
import type { ArtifactRef } from '../../contracts/references.ts';
import type { DatasetRef } from '../../contracts/training.ts';
import { verifyPack } from '../../registry/audit/pack/verify-pack.ts';
import { checkCompliance } from '../../registry/compliance-gate.ts';
import { createCaller } from '../../registry/identity/rights.ts';
import { loadServerKey, type ServerKey } from '../../registry/identity/server-key.ts';
import { createRuns } from '../../registry/tracking/runs.ts';
import type { Act } from '../../registry/models/act.ts';
import { exportPack } from '../../scripts/audit/export-pack.ts';
import { projectFolder, writeFiles } from '../projects/project-folder.ts';
import { openTestRegistry, type TestRegistry } from '../registry/open-test-registry.ts';
import { memoryHungry } from '../support/memory-hungry.ts';
import { sampleEvidence } from '../support/sample-evidence.ts';
import { tinyAnswer, writeTinyModel } from '../support/tiny-onnx.ts';
import { startChildrenUnderTsx } from './child-loader.ts';
import { stageTrained } from './trained-version.ts';

const MODEL = 'ice-cream';
const FEATURES = ['kiosk_day.sales_7d', 'temperature'];
const WEIGHTS = [0.2, -0.1];
const ROWS = [
  [1, 2],
  [3, -4],
];
const SAMPLE = { features: FEATURES, rows: ROWS, scores: ROWS.map((row) => tinyAnswer(row, WEIGHTS, 0.5)) };
const IMPORTANCE = [{ feature: 'temperature', meanAbsShap: 0.3, share: 1 }];
const COMMIT = 'c0ffee'.padEnd(40, '0');
const act: Act = {
  caller: createCaller({ name: 'scientist', proof: 'token', roles: ['contributor'] }),
  directChanges: 'refused',
};

let t: TestRegistry;
let deps: Parameters<typeof createAdoptionActivities>[0];
let adoption: ReturnType<typeof createAdoptionActivities>;
let promotion: ReturnType<typeof createPromotionActivities>;
startChildrenUnderTsx();
beforeEach(async () => {
  t = await openTestRegistry();
  await cp(projectFolder(), join(t.folder, 'projects', MODEL), { recursive: true });
  const rules = 'compliance: {}\ncomparison: {}\napproval: { approvers: [governance] }\nrollback: { by: [ml-lead] }\n';
  writeFiles(t.folder, { 'policies/prod.yaml': rules });
  deps = {
    registry: t.registry,
    artifacts: t.artifacts,
    environment: 'prod',
    policies: join(t.folder, 'policies'),
    scratchFolder: join(t.folder, 'scratch'),
    projectRoots: [join(t.folder, 'projects')],
    temporalAddress: '127.0.0.1:7233',
    evidenceUrl: 'http://127.0.0.1:8234',
    endpointUrl: 'http://127.0.0.1:1',
  };
  adoption = createAdoptionActivities(deps);
  promotion = createPromotionActivities(deps);
  await t.registry.createModel({ name: MODEL, description: '', tags: [], deploymentJobId: undefined }, act);
});
afterEach(() => t.close());

async function upload(path: string, content: string | Uint8Array): Promise<ArtifactRef> {
  const ref = await t.artifacts.putBytes(Buffer.from(content));
  const row = { path, sha256: ref.sha256, bytes: ref.bytes, updated_at: '2001-03-01T00:00:00.000Z' };
  await t.db.write((trx) => trx('artifact_files').insert(row));
  return ref;
}

/** The tiny model, its names in its own metadata or not. */
async function onnx(named = true): Promise<Uint8Array> {
  const { file } = writeTinyModel(t.folder, 'm', FEATURES, WEIGHTS, 0.5);
  const model = proto.onnx.ModelProto.decode(await readFile(file));
  if (!named) model.metadataProps = [];
  return proto.onnx.ModelProto.encode(model).finish();
}

interface Brought {
  /** In the model's folder. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Among the artifacts of the run. */
  readonly ofRun?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
  /** The run that the version names. @default the client's own */
  readonly runId?: string;
}

/** What a client does: a run with files, and a version of them. */
async function bring({ files = {}, ofRun = {}, tags = {}, runId: named }: Brought): Promise<number> {
  const created = await createRuns({ db: t.db, now: () => new Date('2001-03-01T00:00:00Z') }).createRun({
    experimentId: '0',
    name: 'mine',
    tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
  });
  const { runId } = created.info;
  const folder = `0/${runId}/artifacts`;
  for (const [name, content] of Object.entries(ofRun)) await upload(`${folder}/${name}`, content);
  for (const [name, content] of Object.entries(files)) await upload(`${folder}/model/${name}`, content);
  const source = `mlflow-artifacts:/${folder}/model`;
  const version = { model: MODEL, source, runId: named ?? runId, loggedModelId: undefined, runLink: '' };
  return (await t.registry.createVersion({ ...version, description: '', tags: [] }, act)).version;
}

const MLMODEL = 'flavors:\n  onnx: { data: model.onnx }\n';
const WITH_COLUMNS = `${MLMODEL}signature:\n  inputs: '${JSON.stringify(FEATURES.map((name) => ({ name, type: 'double' })))}'\n`;

const begin = (version: number) =>
  adoption.beginAdoption({ input: { project: MODEL, version }, now: '2001-06-01T00:00:00.000Z' });

/** What the data worker would have made of it. */
async function evaluated(version: number): Promise<RecordAdoptionInput> {
  const report = { evaluation: sampleEvidence().metrics.challenger, sliceBy: null, slices: [] };
  const { auc, logLoss, brier, rows, positives } = report.evaluation;
  const dataset: DatasetRef = {
    data: await t.artifacts.putBytes(Buffer.from('rows')),
    rows: 300_000,
    positives: 50_000,
    from: '2001-01-01T00:00:00.000Z',
    until: '2001-05-15T00:00:00.000Z',
    holdoutFrom: '2001-05-01T00:00:00.000Z',
    snapshot: 7,
    asOf: '2001-05-16T00:00:00.000Z',
    features: FEATURES,
    key: ['_file', '_row'],
  };
  const evaluation = {
    ...{ auc, logLoss, brier, rows, positives },
    report: await t.artifacts.putJson(report),
    baselineProfile: await t.artifacts.putJson({ bins: [] }),
  };
  return { ...(await begin(version)), workflowId: `promote-model/${MODEL}/${version}`, dataset, evaluation };
}

/** In the context that a worker gives it: it starts a child process. */
function record(input: RecordAdoptionInput): Promise<{ readonly runId: string }> {
  return new MockActivityEnvironment().run((given: RecordAdoptionInput) => adoption.recordAdoption(given), input);
}

async function adopt(brought: Brought) {
  const version = await bring(brought);
  const { runId } = await record(await evaluated(version));
  return { version, run: await t.registry.getRun(runId) };
}

async function complianceOf(version: number) {
  const pinned = await promotion.pinPromotion({ input: { project: MODEL, version } });
  if ('needsAdoption' in pinned) throw new Error('it has no lineage');
  const facts = await complianceFacts({ registry: t.registry, artifacts: t.artifacts }, pinned);
  const require = ['signature', 'parity', 'lineage', 'model_card', 'clean_commit'] as const;
  const checked = checkCompliance(
    facts,
    { require: [...require], tags: [], allow_without_git: true, max_data_age: '14d' },
    { tags: [] },
  );
  return Object.fromEntries(checked.checks.map(({ name, verdict, found }) => [name, `${verdict}: ${found}`]));
}

describe('a version that a client brought with all that gates ask for', () => {
  const all = async (named: boolean): Promise<Brought> => ({
    files: {
      MLmodel: named ? MLMODEL : WITH_COLUMNS,
      'model.onnx': await onnx(named),
      'parity-sample.json': JSON.stringify(SAMPLE),
      'model-card.md': '# Mine',
    },
    ofRun: { 'importance.json': JSON.stringify(IMPORTANCE) },
    tags: { 'mlflow.source.git.commit': COMMIT, 'mlflow.user': 'scientist', 'team.secret': 'nobody asked' },
  });

  it.each([true, false])('is pinned, evaluated and linked; its file names its inputs: %s', async (named) => {
    const version = await bring(await all(named));
    const input = { project: MODEL, version };
    expect(await promotion.pinPromotion({ input })).toEqual({ needsAdoption: true });
    const begun = await begin(version);
    expect(begun.columns).toEqual(named ? null : FEATURES);
    expect(begun.candidate).toMatchObject({ model: MODEL, version, modelDigest: begun.onnx?.sha256 });
    expect(begun.candidate).not.toHaveProperty('unusable');

    const { runId } = await record(await evaluated(version));
    expect(await t.registry.evaluationRun(MODEL, version)).toBe(runId);
    expect(await promotion.pinPromotion({ input })).toMatchObject({
      runId,
      snapshot: 7,
      asOf: '2001-05-16T00:00:00.000Z',
      modelDigest: begun.onnx?.sha256,
    });
    const { inputs, run } = await readLineage(t.registry, await t.registry.getModelVersion(MODEL, version));
    expect(inputs.parity?.rows).toBe(2);
    expect(inputs.parity?.maxDifference).toBeLessThan(1e-6);
    expect(inputs.client).toMatchObject({
      registeredBy: 'scientist',
      run: { name: 'mine', experiment: 'Default' },
      code: { 'mlflow.source.git.commit': COMMIT, 'mlflow.user': 'scientist' },
    });
    expect(inputs.client?.code).not.toHaveProperty('team.secret');
    expect(inputs.client?.missing).toHaveLength(2);
    expect(await t.artifacts.readJson(run.artifacts['importance.json'] as ArtifactRef)).toEqual(IMPORTANCE);
    expect(String(await t.artifacts.readBytes(run.artifacts['model-card.md'] as ArtifactRef))).toBe('# Mine');
    expect(await t.registry.adoptedColumns(MODEL, version)).toEqual(named ? undefined : FEATURES);
  });

  it('is refused when its file cannot score the sample, and nothing is recorded', async () => {
    const hungry = { ...(await all(true)).files, 'model.onnx': memoryHungry(await onnx()) };
    const version = await bring({ ...(await all(true)), files: hungry });
    await expect(record(await evaluated(version))).rejects.toMatchObject({ type: 'OutOfMemory' });
    expect(await t.registry.evaluationRun(MODEL, version)).toBeNull();
  });

  it('is one run, however often its evaluation is recorded', async () => {
    const version = await bring(await all(true));
    const input = await evaluated(version);
    const { runId } = await record(input);
    expect(await record(input)).toEqual({ runId });
    expect(await record({ ...input, dataset: { ...input.dataset, snapshot: 8 } })).toEqual({ runId });
  });

  it('passes what can be shown, and fails for code and training rows that nobody here saw', async () => {
    const { version } = await adopt(await all(false));
    expect(await complianceOf(version)).toMatchObject({
      signature: 'pass: the same in the ONNX file',
      parity: expect.stringMatching(/^pass: .* over 2 rows$/) as string,
      lineage: expect.stringMatching(/^pass: snapshot 7, /) as string,
      model_card: 'pass: present',
      clean_commit: `fail: commit ${COMMIT.slice(0, 12)}; whether its folder was clean is not known`,
      max_data_age: 'fail: no training row',
    });
  });
});

interface Packed {
  readonly folder: string;
  readonly key: ServerKey;
}

async function pack(version: number): Promise<Packed> {
  const now = (): Date => new Date('2001-06-02T00:00:00Z');
  const key = await loadServerKey({ db: t.db, now, folder: t.folder });
  const folder = join(t.folder, `pack-${version}`);
  const open = { ...t, environment: 'prod', home: t.folder } as const;
  await exportPack(open, { model: MODEL, version, folder, client: undefined, key, now });
  return { folder, key };
}

/** A file of one version, as JSON. */
async function read({ folder }: Packed, version: number, name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(folder, 'versions', String(version), name), 'utf8'));
}

describe('the evidence pack of a version that a client brought', () => {
  it('holds how it was judged here, signed, and of how it was built the client’s word alone', async () => {
    const { version, run } = await adopt({
      files: { MLmodel: MLMODEL, 'model.onnx': await onnx() },
      tags: { 'mlflow.source.git.commit': COMMIT },
    });
    const { source, runId } = await t.registry.getModelVersion(MODEL, version);
    const packed = await pack(version);
    const { folder, key } = packed;
    expect(await read(packed, version, 'evaluation-run.json')).toMatchObject({
      runId: run.runId,
      metrics: run.metrics,
    });
    expect(await read(packed, version, 'provenance.intoto.json')).toMatchObject({
      predicate: {
        buildDefinition: {
          buildType: 'urn:superstep:registered-by-client:v1',
          externalParameters: { registeredBy: 'scientist', proof: 'token', source, runId },
        },
        runDetails: { builder: { id: 'urn:superstep:builder:unknown' } },
      },
    });
    expect(await read(packed, version, 'artifact-digests.json')).toMatchObject({
      'evaluation/dataset.parquet': run.artifacts['dataset.parquet'],
    });
    const { ok, checks } = await verifyPack(folder, [key.publicKey]);
    expect(checks.flatMap(({ faults }) => faults)).toEqual([]);
    expect([ok, checks.map(({ what }) => what)]).toEqual([
      true,
      expect.arrayContaining([`statements of version ${version}`]),
    ]);
  });
});

describe('the provenance of a file beside a run of the engine', () => {
  it('is that run’s for the file that it made', async () => {
    const version = await stageTrained(t, deps);
    const { runId } = await t.registry.getModelVersion(MODEL, version);
    const provenance = await read(await pack(version), version, 'provenance.intoto.json');
    expect(provenance).toMatchObject({
      predicate: {
        buildDefinition: {
          buildType: 'urn:superstep:train-model:v1',
          internalParameters: { dataset: { snapshot: 42 } },
        },
        runDetails: { builder: { id: 'urn:superstep:environment:prod' }, metadata: { invocationId: runId } },
      },
    });
  });

  it('is not that run’s where a client named it beside another file', async () => {
    const first = await adopt({ files: { MLmodel: MLMODEL, 'model.onnx': await onnx() } });
    const { file } = writeTinyModel(t.folder, 'other', FEATURES, [0.5, 0.5], 0);
    const files = { MLmodel: MLMODEL, 'model.onnx': await readFile(file) };
    const { version } = await adopt({ files, runId: first.run.runId });
    const provenance = await read(await pack(version), version, 'provenance.intoto.json');
    expect(provenance).toMatchObject({
      predicate: {
        buildDefinition: {
          buildType: 'urn:superstep:registered-by-client:v1',
          externalParameters: { registeredBy: 'scientist', proof: 'token', runId: first.run.runId, params: {} },
          internalParameters: {},
          resolvedDependencies: [],
        },
        runDetails: {
          builder: { id: 'urn:superstep:builder:unknown' },
          metadata: { invocationId: first.run.runId },
          byproducts: [],
        },
      },
    });
    expect(JSON.stringify(provenance)).not.toContain('startedOn');
  });
});

/** Until December 2001: the test registry's clock stands in March 2001. */
function waive(check: string, version: number | null, reason: string) {
  const granted = { grantedBy: 'governance', proof: 'token', until: '2001-12-01T00:00:00Z' } as const;
  return t.registry.grantWaiver({ naturalKey: check, check, model: MODEL, version, reason, ...granted });
}

/** The gate asks for waivers by this machine's clock, by which they would have ended long ago. */
function whileWaived<T>(work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ now: new Date('2001-05-01T00:00:00Z'), toFake: ['Date'] });
  return work().finally(() => vi.useRealTimers());
}

describe('code that nobody here saw, where the policy asks for a clean commit', () => {
  const judge = async (version: number) => {
    const pinned = await promotion.pinPromotion({ input: { project: MODEL, version } });
    if ('needsAdoption' in pinned) throw new Error('it has no lineage');
    return promotion.checkCompliance({ candidate: pinned, workflowId: 'promote', runId: `run ${version}` });
  };

  it('fails, and passes once governance has waived the check for the version, which the result says', async () => {
    const rules = 'comparison: {}\napproval: { approvers: [governance] }\nrollback: { by: [ml-lead] }\n';
    writeFiles(t.folder, { 'policies/prod.yaml': `compliance: { require: [clean_commit] }\n${rules}` });
    const brought = { files: { MLmodel: MLMODEL, 'model.onnx': await onnx() } };
    const first = await adopt(brought);
    expect(await judge(first.version)).toMatchObject({ verdict: 'fail' });
    expect((await t.registry.getModelVersion(MODEL, first.version)).stage).toBe('Archived');

    const { version } = await adopt({ ...brought, tags: { 'mlflow.source.git.commit': COMMIT } });
    await waive('clean_commit', version, 'its code was reviewed by hand');
    const result = await whileWaived(() => judge(version));
    expect(result).toMatchObject({
      verdict: 'pass',
      summary: expect.stringContaining('Waived: clean_commit.') as string,
    });
    expect(result.checks.find(({ name }) => name === 'clean_commit')).toMatchObject({
      verdict: 'pass',
      found: expect.stringContaining(
        'waived by governance until 2001-12-01T00:00:00.000Z: its code was reviewed',
      ) as string,
    });
    expect((await t.registry.getModelVersion(MODEL, version)).stage).toBe('Staging');
  });
});

describe('a version that a client brought with its model only', () => {
  it('has a card of what is known, no parity, no commit, and says so', async () => {
    const { version, run } = await adopt({ files: { MLmodel: MLMODEL, 'model.onnx': await onnx() } });
    expect(run.inputs).toMatchObject({ parity: null });
    expect(run.artifacts).not.toHaveProperty(['importance.json']);
    const card = String(await t.artifacts.readBytes(run.artifacts['model-card.md'] as ArtifactRef));
    expect(card).toContain('Which rows trained it is not known');
    expect(card).toContain('**Trained on**: not known');
    expect(card).toContain('**Trained by**: not known; registered by scientist, 2001-03-01');
    expect(card).toContain('**Parameters**: none known');
    expect(card).not.toContain('SHAP');
    expect(await complianceOf(version)).toMatchObject({
      parity: 'fail: no parity check',
      model_card: 'pass: present',
      clean_commit: 'fail: no commit',
    });
  });

  it.each([
    ['another order of features', { ...SAMPLE, features: [...FEATURES].reverse() }, /it is of the features/],
    ['a score missing', { ...SAMPLE, scores: SAMPLE.scores.slice(1) }, /a score for each row/],
    ['a value missing', { ...SAMPLE, rows: [[1], [2]] }, /a value for each feature/],
    ['a score that is none', { ...SAMPLE, scores: [0.5, 7] }, /scores\.1/],
    ['another shape', [], /expected object/],
  ])('takes a parity sample with %s for none, and says why', async (_what, sample, why) => {
    const files = { MLmodel: MLMODEL, 'model.onnx': await onnx(), 'parity-sample.json': JSON.stringify(sample) };
    const { run } = await adopt({ files });
    expect(run.inputs).toMatchObject({ parity: null });
    const { missing } = run.inputs['client'] as { readonly missing: readonly string[] };
    expect(missing.find((one) => one.includes('parity-sample.json'))).toMatch(why);
  });

  it('takes a sample with NaN in it for none: it is no JSON', async () => {
    const text = JSON.stringify(SAMPLE).replace('[1,2]', '[1,NaN]');
    const files = { MLmodel: MLMODEL, 'model.onnx': await onnx(), 'parity-sample.json': text };
    const { run } = await adopt({ files });
    expect(JSON.stringify(run.inputs['client'])).toContain('a missing value is null there, not NaN');
  });

  it('holds the file against a sample that it does not fit', async () => {
    const sample = { ...SAMPLE, scores: SAMPLE.scores.map((score) => score / 2) };
    const files = { MLmodel: MLMODEL, 'model.onnx': await onnx(), 'parity-sample.json': JSON.stringify(sample) };
    const { version } = await adopt({ files });
    expect((await complianceOf(version))['parity']).toMatch(/^fail: 0\.\d+ over 2 rows/);
  });

  it('believes the file’s own names, whatever the signature beside it says', async () => {
    const columns = JSON.stringify(['a', 'b', 'c'].map((name) => ({ name, type: 'double' })));
    const { version } = await adopt({
      files: {
        MLmodel: `${MLMODEL}signature:\n  inputs: '${columns}'\n`,
        'model.onnx': await onnx(),
        'parity-sample.json': JSON.stringify(SAMPLE),
      },
    });
    expect(await complianceOf(version)).toMatchObject({
      signature: 'pass: the same in the ONNX file',
      parity: expect.stringMatching(/^pass/) as string,
    });
  });
});

describe('a version that cannot be judged', () => {
  it.each<[string, Brought['files'], RegExp]>([
    ['no file', {}, /no ONNX file here/],
    ['a file that is named nowhere', { 'model.onnx': 'x' }, /no ONNX file here/],
    ['a file that is no model', { MLmodel: MLMODEL, 'model.onnx': 'no model at all' }, /cannot be read/],
  ])('says why, with %s, and fails compliance whatever is waived', async (_what, files, why) => {
    const version = await bring({ files: files ?? {} });
    const { candidate } = await begin(version);
    expect(candidate.unusable).toMatch(why);
    await expect(waive('model_file', null, 'we are in a hurry')).rejects.toMatchObject({ type: 'InvalidInput' });
    await waive('lineage', null, 'we are in a hurry');
    const result = await whileWaived(() => promotion.checkCompliance({ candidate, workflowId: 'w', runId: 'r' }));
    expect(result).toMatchObject({ verdict: 'fail', checks: [{ name: 'model_file', found: candidate.unusable }] });
    expect(await t.registry.getModelVersion(MODEL, version)).toMatchObject({ stage: 'Archived' });
  });

  it('is no business of ours without a project of its name', async () => {
    await t.registry.createModel({ name: 'stranger', description: '', tags: [], deploymentJobId: undefined }, act);
    const source = 'mlflow-artifacts:/0/r/artifacts/model';
    const none = { runId: undefined, loggedModelId: undefined, runLink: '', description: '', tags: [] };
    await t.registry.createVersion({ model: 'stranger', source, ...none }, act);
    await expect(
      adoption.beginAdoption({ input: { project: 'stranger', version: 1 }, now: '2001-06-01T00:00:00.000Z' }),
    ).rejects.toMatchObject({ type: 'UnknownProject' });
  });
});
