import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestRegistry, type TestRegistry } from './open-test-registry.ts';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

const run = {
  naturalKey: 'snapshot 5, project abc',
  experiment: 'flights-delay',
  name: 'as of May',
  params: { num_leaves: 31, boosting: 'gbdt', tuned: true },
  metrics: { auc: 0.7213, broken: Number.NaN, endless: Number.POSITIVE_INFINITY },
  tags: { 'superstep.trigger': 'schedule' },
  artifacts: {},
  inputs: { dataset: { rows: 3, features: ['a.b'] }, snapshot: 5 },
};

describe('logRun', () => {
  it('keeps params, metrics, tags, artifacts and inputs', async () => {
    const onnx = await t.artifacts.putBytes(Buffer.from('onnx'));
    const { runId } = await t.registry.logRun({ ...run, artifacts: { 'model.onnx': onnx } });
    expect(runId).toMatch(/^[0-9a-f]{32}$/);
    expect(await t.registry.getRun(runId)).toEqual({
      runId,
      experiment: 'flights-delay',
      name: 'as of May',
      status: 'FINISHED',
      startedAt: '2001-03-01T00:00:01.000Z',
      endedAt: '2001-03-01T00:00:01.000Z',
      params: { num_leaves: '31', boosting: 'gbdt', tuned: 'true' },
      metrics: { ...run.metrics, endless: Number.MAX_VALUE },
      tags: run.tags,
      artifacts: { 'model.onnx': onnx },
      inputs: run.inputs,
    });
  });

  it('is read whatever instants a client wrote', async () => {
    const { runId } = await t.registry.logRun(run);
    const ends = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    await t.db.write((trx) => trx('runs').where({ id: runId }).update({ started_ms: ends[0], ended_ms: ends[1] }));
    const found = await t.registry.getRun(runId);
    expect(found).toMatchObject({ startedAt: '-271821-04-20T00:00:00.000Z', endedAt: '+275760-09-13T00:00:00.000Z' });
  });

  it('is one run per natural key, and takes more rows than one statement holds', async () => {
    const metrics = Object.fromEntries(Array.from({ length: 1234 }, (_, i) => [`slice_${i}`, i / 1234]));
    const first = await t.registry.logRun({ ...run, metrics });
    const second = await t.registry.logRun({ ...run, name: 'another name' });
    expect(second).toEqual(first);
    expect(await t.registry.getRun(first.runId)).toMatchObject({ name: 'as of May', metrics });
    expect((await t.registry.logRun({ ...run, naturalKey: 'other' })).runId).not.toBe(first.runId);
  });

  it('refuses an artifact that is not stored, and names what it looked for', async () => {
    const onnx = { uri: `artifact:sha256/${'0'.repeat(64)}`, sha256: '0'.repeat(64), bytes: 1 };
    const logging = t.registry.logRun({ ...run, artifacts: { 'model.onnx': onnx } });
    await expect(logging).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('"model.onnx"') as string,
    });
    await expect(t.registry.getRun('nothing')).rejects.toMatchObject({ type: 'InvalidInput' });
  });
});
