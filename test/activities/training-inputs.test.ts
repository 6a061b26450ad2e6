import { describe, expect, it } from 'vitest';
import { readLineage } from '../../activities/training-inputs.ts';
import type { ModelVersion } from '../../registry/model-versions.ts';
import type { Registry } from '../../registry/registry.ts';

const ref = (digit: string) => ({ uri: `artifact:sha256/${digit.repeat(64)}`, sha256: digit.repeat(64), bytes: 3 });

/** A registry with one training run, which made these files. */
function registryWith(artifacts: Readonly<Record<string, object>>, found: object | null = null): Registry {
  const inputs = { pinned: {}, dataset: {} };
  return {
    getRun: () => Promise.resolve({ runId: 'r', inputs, artifacts }),
    resolveVersionArtifact: () => Promise.resolve(found),
    evaluationRun: () => Promise.resolve(null),
  } as unknown as Registry;
}

const version = { model: 'm', version: 2, runId: 'r', onnx: ref('a') } as ModelVersion;

describe('readLineage', () => {
  it('takes a run’s record for the file that it made, where runs of today and of before keep it', async () => {
    for (const name of ['model/model.onnx', 'model.onnx']) {
      expect(await readLineage(registryWith({ [name]: ref('a') }), version)).toMatchObject({ onnx: ref('a') });
    }
  });

  it('looks for the file of a version that a client registered before it uploaded', async () => {
    const registry = registryWith({ 'model/model.onnx': ref('a') }, ref('a'));
    expect(await readLineage(registry, { ...version, onnx: null })).toMatchObject({ onnx: ref('a') });
  });

  it('takes it for no other file: clients may name any run', async () => {
    for (const made of [{ 'model/model.onnx': ref('b'), 'model.onnx': ref('a') }, { 'x.onnx': ref('a') }, {}]) {
      await expect(readLineage(registryWith(made), version)).rejects.toMatchObject({ type: 'UnknownModel' });
    }
  });

  it('finds none for a version without a run or a file', async () => {
    const without = [
      { ...version, runId: null },
      { ...version, onnx: null },
    ];
    for (const one of without) {
      await expect(readLineage(registryWith({}), one)).rejects.toMatchObject({ type: 'UnknownModel' });
    }
  });
});
