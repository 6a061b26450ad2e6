import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMetricHistory, type MetricHistory } from '../../../registry/tracking/metric-history.ts';
import { createRunLogging, type LoggedMetric, type RunLogging } from '../../../registry/tracking/run-logging.ts';
import { createRuns, type Runs } from '../../../registry/tracking/runs.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

let t: TestRegistry;
let runs: Runs;
let logging: RunLogging;
let history: MetricHistory;
let runId: string;
beforeEach(async () => {
  t = await openTestRegistry();
  const deps = { db: t.db, now: () => new Date(1_000) };
  runs = createRuns(deps);
  logging = createRunLogging(deps);
  history = createMetricHistory(deps);
  runId = await newRun();
});
afterEach(() => t.close());

const nothing = { metrics: [], params: [], tags: [] };
const newRun = async (): Promise<string> => (await runs.createRun({ experimentId: '0', tags: [] })).info.runId;
const point = (value: number, step = 0, timestampMs = 0, key = 'm'): LoggedMetric => ({
  key,
  value,
  step,
  timestampMs,
});
const refused = (type: string, text: string) => ({ type, message: expect.stringContaining(text) as string });

describe('metrics', () => {
  it('are latest by step, then time, then value, whatever the order and the batches', async () => {
    const metric = fc.record({
      key: fc.constantFrom('a', 'b'),
      value: fc.constantFrom(-1, 0, 2.5, NaN, Infinity, -Infinity),
      step: fc.integer({ min: -2, max: 2 }),
      timestampMs: fc.integer({ min: 0, max: 2 }),
    });
    const property = fc.asyncProperty(
      fc.array(fc.array(metric, { maxLength: 6 }), { maxLength: 4 }),
      async (batches) => {
        const id = await newRun();
        for (const metrics of batches) await logging.logBatch(id, { ...nothing, metrics });
        const { metrics } = await runs.getRunRecord(id);
        const all = batches.flat();
        expect(metrics.map(({ key }) => key)).toEqual([...new Set(all.map(({ key }) => key))].sort());
        for (const latest of metrics) {
          const rivals = all.filter(({ key }) => key === latest.key).map(stored);
          const place = [latest.step, latest.timestampMs, ...rank(latest.value)];
          expect(rivals.some((rival) => compare(placeOf(rival), place) === 0)).toBe(true);
          expect(rivals.every((rival) => compare(placeOf(rival), place) <= 0)).toBe(true);
        }
        // One point however often it was told.
        const points = (await history.metricHistory(id, 'a', {})).metrics;
        const told = all.filter(({ key }) => key === 'a').map((one) => JSON.stringify(placeOf(stored(one))));
        expect(points).toHaveLength(new Set(told).size);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  const stored = (metric: LoggedMetric): LoggedMetric => ({
    ...metric,
    value: Number.isNaN(metric.value) ? NaN : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, metric.value)),
  });
  // NaN stands where 0 stands, and behind it.
  const rank = (value: number): number[] => (Number.isNaN(value) ? [0, 1] : [value, 0]);
  const placeOf = ({ step, timestampMs, value }: LoggedMetric): number[] => [step, timestampMs, ...rank(value)];
  const compare = (a: readonly number[], b: readonly number[]): number =>
    a.map((one, i) => Math.sign(one - (b[i] ?? 0))).find((difference) => difference !== 0) ?? 0;

  it('take a batch of 1,000 and give it back page by page', async () => {
    const metrics = Array.from({ length: 1_000 }, (_, i) => point(i / 7, i, 5, 'long'));
    await logging.logBatch(runId, { ...nothing, metrics });
    const first = await history.metricHistory(runId, 'long', { maxResults: 600 });
    const second = await history.metricHistory(runId, 'long', {
      maxResults: 600,
      pageToken: first.nextPageToken ?? '',
    });
    expect(second.nextPageToken).toBeUndefined();
    expect([...first.metrics, ...second.metrics].map(({ value }) => value)).toEqual(metrics.map(({ value }) => value));
    await expect(history.metricHistory(runId, 'long', { pageToken: 'x' })).rejects.toMatchObject({
      type: 'InvalidInput',
    });
    await expect(history.metricHistory('nope', 'long', {})).rejects.toMatchObject({ type: 'UnknownResource' });
  });

  it('stay one point in the history of a run whose models they are linked to', async () => {
    for (const modelId of [undefined, 'm-1', 'm-2', 'm-1']) {
      await logging.logBatch(runId, { ...nothing, metrics: [{ ...point(0.5), modelId }] });
    }
    expect((await history.metricHistory(runId, 'm', {})).metrics).toHaveLength(1);
    const linked = await t.db.read((knex) => knex('metrics').whereNotNull('model_id').pluck<string[]>('model_id'));
    expect(linked.sort()).toEqual(['m-1', 'm-2']);
  });

  it('come at steps that runs share, with the ends of each', async () => {
    const other = await newRun();
    const upTo = (most: number) => Array.from({ length: most + 1 }, (_, i) => point(i, i));
    await logging.logBatch(runId, { ...nothing, metrics: upTo(99) });
    await logging.logBatch(other, { ...nothing, metrics: upTo(37) });
    const all = await history.metricIntervals([other, runId], 'm', { most: 2_500 });
    expect(all).toHaveLength(138);
    const some = await history.metricIntervals([other, runId], 'm', { most: 10 });
    const stepsOf = (id: string) => some.filter((one) => one.runId === id).map(({ step }) => step);
    expect(stepsOf(runId)).toEqual(expect.arrayContaining([0, 37, 99]));
    expect(stepsOf(other)).toEqual(stepsOf(runId).filter((step) => step <= 37));
    expect(some[0]?.runId).toBe(other);
    expect(stepsOf(runId).length).toBeLessThanOrEqual(14);
    const range = await history.metricIntervals([runId], 'm', { range: { from: 3, to: 5 }, most: 10 });
    expect(range.map(({ step }) => step)).toEqual([3, 4, 5]);
  });
});

describe('a batch', () => {
  it('is all or nothing', async () => {
    await logging.logBatch(runId, { ...nothing, params: [{ key: 'p', value: '1' }] });
    const changed = {
      metrics: [point(1)],
      params: [
        { key: 'new', value: '1' },
        { key: 'p', value: '2' },
      ],
      tags: [{ key: 't', value: '1' }],
    };
    await expect(logging.logBatch(runId, changed)).rejects.toMatchObject(refused('InvalidInput', "key='p'"));
    expect(await runs.getRunRecord(runId)).toMatchObject({ metrics: [], params: [{ key: 'p', value: '1' }] });
    expect((await runs.getRunRecord(runId)).tags.map(({ key }) => key)).toEqual(['mlflow.runName']);
  });

  it('may be told again, long values cut the same way', async () => {
    // The cut falls into the middle of a character.
    const params = [{ key: 'p', value: 'x'.repeat(5_999) + '😀' }];
    const tags = [{ key: 't', value: 'y'.repeat(9_000) }];
    for (let i = 0; i < 2; i++) await logging.logBatch(runId, { metrics: [point(1)], params, tags });
    const record = await runs.getRunRecord(runId);
    expect(record.params[0]?.value).toBe('x'.repeat(5_999));
    expect(record.tags.find(({ key }) => key === 't')?.value).toHaveLength(8_000);
  });

  it.each([
    ['upwards', '../x'],
    ['upwards in the middle', 'a/../b'],
    ['absolute', '/a'],
    ['with an empty part', 'a//b'],
    ['with a slash at the end', 'a/'],
    ['a dot', '.'],
    ['with a dollar', 'a$'],
    ['too long', 'a'.repeat(251)],
  ])('refuses a key that is %s', async (_, key) => {
    const batches = [
      { ...nothing, metrics: [point(1, 0, 0, key)] },
      { ...nothing, params: [{ key, value: '1' }] },
      { ...nothing, tags: [{ key, value: '1' }] },
    ];
    for (const batch of batches) {
      await expect(logging.logBatch(runId, batch)).rejects.toMatchObject(refused('InvalidInput', '[0].'));
    }
  });

  it('takes keys of other alphabets, with spaces, dots and slashes', async () => {
    const key = 'val/Güte: größe-1.5 数';
    await logging.logBatch(runId, { ...nothing, metrics: [point(1, 0, 0, key)] });
    expect((await runs.getRunRecord(runId)).metrics[0]?.key).toBe(key);
  });

  it('has limits', async () => {
    const texts = (n: number) => Array.from({ length: n }, (_, i) => ({ key: `k${i}`, value: '1' }));
    const metrics = (n: number) => Array.from({ length: n }, () => point(1));
    const tooMuch = [
      { ...nothing, metrics: metrics(1_001) },
      { ...nothing, params: texts(101) },
      { ...nothing, tags: texts(101) },
      { metrics: metrics(900), params: texts(60), tags: texts(41) },
    ];
    for (const batch of tooMuch) {
      await expect(logging.logBatch(runId, batch)).rejects.toMatchObject(refused('InvalidInput', 'at most'));
    }
  });
});

describe('who may be told what', () => {
  it('nothing goes to a deleted run', async () => {
    await runs.deleteRun(runId);
    const tags = [{ key: 't', value: '1' }];
    await expect(logging.logBatch(runId, { ...nothing, tags })).rejects.toMatchObject(
      refused('InvalidInput', 'deleted'),
    );
    await expect(logging.deleteTag(runId, 't')).rejects.toMatchObject({ type: 'InvalidInput' });
    await expect(logging.logBatch('nope', { ...nothing, tags })).rejects.toMatchObject({ type: 'UnknownResource' });
    await runs.restoreRun(runId);
    await logging.logBatch(runId, { ...nothing, tags });
  });

  it('a run that a workflow recorded is evidence: it takes tags and nothing else', async () => {
    const { runId: recorded } = await t.registry.logRun({
      naturalKey: 'snapshot 1',
      experiment: 'flights',
      name: 'as of May',
      params: {},
      metrics: { auc: 0.7 },
      tags: {},
      artifacts: {},
      inputs: { snapshot: 5 },
    });
    const better = { ...nothing, metrics: [point(0.99, 0, 9_999_999_999_999, 'auc')] };
    await expect(logging.logBatch(recorded, better)).rejects.toMatchObject(refused('NotAuthorized', 'evidence'));
    await logging.logBatch(recorded, { ...nothing, tags: [{ key: 'note', value: 'looked at' }] });
    const record = await runs.getRunRecord(recorded);
    expect(record.metrics).toMatchObject([{ key: 'auc', value: 0.7 }]);
    expect(record.datasetInputs).toMatchObject([
      { dataset: { name: 'snapshot', sourceType: 'superstep', source: '5' } },
    ]);
  });

  it('the tag of the name renames the run, and a new name changes the tag', async () => {
    await logging.logBatch(runId, { ...nothing, tags: [{ key: 'mlflow.runName', value: 'by tag' }] });
    expect((await runs.getRunRecord(runId)).info.name).toBe('by tag');
    await runs.updateRun(runId, { name: 'by update' });
    expect((await runs.getRunRecord(runId)).tags).toEqual([{ key: 'mlflow.runName', value: 'by update' }]);
  });

  it('models of before MLflow 3 make a history, and no bomb of brackets', async () => {
    const model = { artifact_path: 'm', flavors: {}, utc_time_created: '2020', run_id: runId };
    for (let i = 0; i < 2; i++) await logging.recordModel(runId, JSON.stringify(model));
    const tag = (await runs.getRunRecord(runId)).tags.find(({ key }) => key === 'mlflow.log-model.history');
    expect(JSON.parse(tag?.value ?? '')).toEqual([1, 2].map(() => ({ ...model, model_uuid: null })));
    const bomb = JSON.stringify({ ...model, flavors: 0 }).replace(
      ':0',
      ':' + '['.repeat(300_000) + ']'.repeat(300_000),
    );
    for (const text of ['{}', '[]', 'x', bomb]) {
      await expect(logging.recordModel(runId, text)).rejects.toMatchObject({ type: 'InvalidInput' });
    }
  });
});
