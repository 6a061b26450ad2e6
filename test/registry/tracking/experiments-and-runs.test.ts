import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExperiments, type Experiments } from '../../../registry/tracking/experiments.ts';
import { createRunInputs, type RunInputs } from '../../../registry/tracking/run-inputs.ts';
import { createRunLogging, type RunLogging } from '../../../registry/tracking/run-logging.ts';
import { createRuns, type NewRun, type Runs } from '../../../registry/tracking/runs.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

let t: TestRegistry;
let experiments: Experiments;
let runs: Runs;
let logging: RunLogging;
let inputs: RunInputs;
beforeEach(async () => {
  t = await openTestRegistry();
  let clock = Date.parse('2024-01-01T00:00:00Z');
  const deps = { db: t.db, now: () => new Date((clock += 1)) };
  experiments = createExperiments(deps);
  runs = createRuns(deps);
  logging = createRunLogging(deps);
  inputs = createRunInputs(deps);
});
afterEach(() => t.close());

const all = { viewType: 'ALL', maxResults: 100 } as const;
const active = { viewType: 'ACTIVE_ONLY', maxResults: 100 } as const;
const run = (changes: Partial<NewRun> = {}): NewRun => ({ experimentId: '0', tags: [], ...changes });

describe('experiments', () => {
  it('begin with Default, and number on from 1', async () => {
    expect(await experiments.getExperiment('0')).toMatchObject({
      name: 'Default',
      artifactLocation: 'mlflow-artifacts:/0',
    });
    expect(await experiments.createExperiment({ name: 'e', tags: [{ key: 'a', value: 'b' }] })).toBe('1');
    expect(await experiments.getExperimentByName('e')).toMatchObject({
      experimentId: '1',
      artifactLocation: 'mlflow-artifacts:/1',
      tags: [{ key: 'a', value: 'b' }],
    });
  });

  it('take a name once, deleted or not, also when two ask at once', async () => {
    const both = await Promise.allSettled([1, 2].map(() => experiments.createExperiment({ name: 'e', tags: [] })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { type: 'AlreadyExists' } });
    await experiments.deleteExperiment('1');
    await expect(experiments.createExperiment({ name: 'e', tags: [] })).rejects.toMatchObject({
      type: 'AlreadyExists',
    });
    await expect(experiments.renameExperiment('0', 'e')).rejects.toMatchObject({ type: 'AlreadyExists' });
    await expect(experiments.renameExperiment('1', 'f')).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  it('take their runs with them when deleted, and back when restored', async () => {
    const { info } = await runs.createRun(run());
    await experiments.deleteExperiment('0');
    await expect(experiments.deleteExperiment('0')).rejects.toMatchObject({ type: 'UnknownResource' });
    expect((await runs.getRunRecord(info.runId)).info.lifecycleStage).toBe('deleted');
    await expect(runs.createRun(run())).rejects.toMatchObject({ type: 'InvalidInput' });
    await experiments.restoreExperiment('0');
    expect((await runs.searchRuns({ ...active, experimentIds: ['0'] })).runs).toHaveLength(1);
  });

  it('come page by page, newest first', async () => {
    for (const name of ['a', 'b', 'c']) await experiments.createExperiment({ name, tags: [] });
    await experiments.deleteExperiment('2');
    const names: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await experiments.searchExperiments({ viewType: 'ALL', maxResults: 3, pageToken });
      names.push(...page.experiments.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(names).toEqual(['c', 'b', 'a', 'Default']);
    const { experiments: found } = await experiments.searchExperiments({ ...active, filter: "name LIKE '_'" });
    expect(found.map(({ name }) => name)).toEqual(['c', 'a']);
  });

  it.each([
    'file:///var/a#b',
    'http:///?/../../etc',
    'runs:/x',
    'models:/m/1',
    'mlflow-artifacts:/1/../2',
    'mlflow-artifacts:/1/%252e%252e/2',
    's3://b/p;x=1',
    's3://b\\..\\p',
    `s3://${'x'.repeat(2_048)}`,
  ])('refuse the artifact location %s', async (artifactLocation) => {
    const creating = experiments.createExperiment({ name: 'e', artifactLocation, tags: [] });
    await expect(creating).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  it('give their runs a place below their own', async () => {
    const experimentId = await experiments.createExperiment({ name: 'e', artifactLocation: 's3://b/p/', tags: [] });
    const { info } = await runs.createRun(run({ experimentId }));
    expect(info.artifactUri).toBe(`s3://b/p/${info.runId}/artifacts`);
  });

  it('know no ids but whole numbers', async () => {
    for (const id of ['abc', '-1', '1.5', '']) {
      await expect(experiments.getExperiment(id)).rejects.toMatchObject({ type: 'InvalidInput' });
    }
    for (const id of ['7', '99999999999999999999']) {
      await expect(experiments.getExperiment(id)).rejects.toMatchObject({ type: 'UnknownResource' });
    }
  });

  it('have tags that can be taken away once', async () => {
    await experiments.setExperimentTag('0', { key: 'k', value: '1' });
    await experiments.setExperimentTag('0', { key: 'k', value: '2' });
    expect((await experiments.getExperiment('0')).tags).toEqual([{ key: 'k', value: '2' }]);
    await experiments.deleteExperimentTag('0', 'k');
    await expect(experiments.deleteExperimentTag('0', 'k')).rejects.toMatchObject({ type: 'UnknownResource' });
  });
});

describe('runs', () => {
  it('are named by either spelling, not by two names', async () => {
    const tag = { key: 'mlflow.runName', value: 'n' };
    for (const named of [run({ name: 'n' }), run({ tags: [tag] }), run({ name: 'n', tags: [tag] })]) {
      expect(await runs.createRun(named)).toMatchObject({ info: { name: 'n' }, tags: [tag] });
    }
    expect((await runs.createRun(run())).info.name).toMatch(/^[a-z]+-[a-z]+-\d{1,3}$/);
    await expect(runs.createRun(run({ name: 'm', tags: [tag] }))).rejects.toThrow('different values');
  });

  it('are found whole, in order, page by page', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { info } = await runs.createRun(run({ startedMs: i, name: `r${i}` }));
      ids.unshift(info.runId);
      const metrics = [{ key: 'auc', value: i / 10, step: 0, timestampMs: 1 }];
      await logging.logBatch(info.runId, { metrics, params: [{ key: 'p', value: `${i}` }], tags: [] });
    }
    const first = await runs.searchRuns({ experimentIds: ['0'], viewType: 'ACTIVE_ONLY', maxResults: 3 });
    const second = await runs.searchRuns({
      experimentIds: ['0'],
      viewType: 'ACTIVE_ONLY',
      maxResults: 3,
      pageToken: first.nextPageToken,
    });
    expect([...first.runs, ...second.runs].map(({ info }) => info.runId)).toEqual(ids);
    const { runs: good } = await runs.searchRuns({ ...active, experimentIds: ['0'], filter: 'metrics.auc >= 0.3' });
    expect(good).toEqual(await Promise.all(ids.slice(0, 2).map((id) => runs.getRunRecord(id))));
    expect(await runs.searchRuns({ ...all, experimentIds: [] })).toEqual({ runs: [] });
  });

  it('are updated in part', async () => {
    const { info } = await runs.createRun(run({ startedMs: 5 }));
    expect(await runs.updateRun(info.runId, { status: 'FAILED' })).toMatchObject({ status: 'FAILED', endedMs: null });
    expect(await runs.updateRun(info.runId, { endedMs: 9 })).toEqual({ ...info, status: 'FAILED', endedMs: 9 });
    await runs.deleteRun(info.runId);
    await runs.deleteRun(info.runId);
    await expect(runs.updateRun(info.runId, {})).rejects.toMatchObject({ type: 'InvalidInput' });
  });
});

describe('inputs and outputs', () => {
  const dataset = { name: 'ds', digest: 'abc', sourceType: 'local', source: '{}', schema: '{}' };

  it('describe a dataset once, and what each run took it for', async () => {
    const [a, b] = [await runs.createRun(run()), await runs.createRun(run())];
    const context = (value: string) => [{ key: 'mlflow.data.context', value }];
    await inputs.logInputs(a.info.runId, [{ dataset, tags: context('training') }], ['m-1', 'm-1']);
    await inputs.logInputs(b.info.runId, [{ dataset: { ...dataset, source: 'other' }, tags: context('eval') }], []);
    await inputs.logOutputs(a.info.runId, [{ modelId: 'm-2', step: 0 }]);
    await inputs.logOutputs(a.info.runId, [{ modelId: 'm-2', step: 3 }]);
    expect(await runs.getRunRecord(a.info.runId)).toMatchObject({
      datasetInputs: [{ dataset, tags: context('training') }],
      modelInputs: ['m-1'],
      modelOutputs: [{ modelId: 'm-2', step: 3 }],
    });
    expect((await runs.getRunRecord(b.info.runId)).datasetInputs).toEqual([{ dataset, tags: context('eval') }]);
    const summary = { experimentId: '0', name: 'ds', digest: 'abc' };
    expect(await inputs.searchDatasets(['0'])).toEqual([
      { ...summary, context: 'eval' },
      { ...summary, context: 'training' },
    ]);
  });

  it('have limits', async () => {
    const many = Array.from({ length: 1_001 }, () => ({ dataset, tags: [] }));
    const long = { dataset: { ...dataset, digest: 'x'.repeat(37) }, tags: [] };
    for (const datasets of [many, [long]]) {
      await expect(inputs.logInputs('r', datasets, [])).rejects.toMatchObject({ type: 'InvalidInput' });
    }
  });
});
