import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCaller } from '../../../registry/identity/rights.ts';
import type { Act } from '../../../registry/models/act.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

const act: Act = {
  caller: createCaller({ name: 'scientist', proof: 'token', roles: ['contributor'] }),
  directChanges: 'refused',
};

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
  await t.registry.createModel({ name: 'm', description: '', tags: [], deploymentJobId: undefined }, act);
});
afterEach(() => t.close());

const create = async (source: string): Promise<number> =>
  (
    await t.registry.createVersion(
      { model: 'm', source, runId: undefined, loggedModelId: undefined, runLink: '', description: '', tags: [] },
      act,
    )
  ).version;

/** Puts a file where the artifact proxy would. */
async function upload(path: string, content: string): Promise<void> {
  const { sha256, bytes } = await t.artifacts.putBytes(Buffer.from(content));
  await t.db.write(async (trx) => {
    const row = { path, sha256, bytes, updated_at: '2001-03-01T00:00:00.000Z' };
    await trx('artifact_files').insert(row).onConflict('path').merge();
  });
}

const mlmodel = (data: string): string =>
  `flavors:\n  onnx:\n    data: ${data}\n  python_function:\n    loader_module: mlflow.onnx\n`;
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

describe('resolveVersionArtifact', () => {
  it('finds the ONNX file that the folder’s MLmodel names, also when the files come after the version', async () => {
    const version = await create('mlflow-artifacts:/1/run/artifacts/model');
    expect(await t.registry.resolveVersionArtifact('m', version)).toBeNull();
    await upload('1/run/artifacts/model/MLmodel', mlmodel('weights/net.onnx'));
    expect(await t.registry.resolveVersionArtifact('m', version)).toBeNull();
    await upload('1/run/artifacts/model/weights/net.onnx', 'the net');
    const onnx = { uri: `artifact:sha256/${sha256('the net')}`, sha256: sha256('the net'), bytes: 7 };
    expect(await t.registry.resolveVersionArtifact('m', version)).toEqual(onnx);
    expect(await t.registry.getModelVersion('m', version)).toMatchObject({
      onnx,
      onnxPath: '1/run/artifacts/model/weights/net.onnx',
    });
  });

  it('stays with the file that it found, whatever is uploaded later', async () => {
    const version = await create('mlflow-artifacts:/1/run/artifacts/model');
    await upload('1/run/artifacts/model/MLmodel', mlmodel('model.onnx'));
    await upload('1/run/artifacts/model/model.onnx', 'judged');
    await t.registry.resolveVersionArtifact('m', version);
    await upload('1/run/artifacts/model/model.onnx', 'swapped');
    expect(await t.registry.resolveVersionArtifact('m', version)).toMatchObject({ sha256: sha256('judged') });
  });

  it.each([
    ['another place', 's3://bucket/model', mlmodel('model.onnx')],
    ['a host of somebody else', 'mlflow-artifacts://other:5000/1/run/artifacts/model', mlmodel('model.onnx')],
    ['a file outside of the folder', 'mlflow-artifacts:/1/run/artifacts/model', mlmodel('../secret.onnx')],
    ['another flavour', 'mlflow-artifacts:/1/run/artifacts/model', 'flavors: {sklearn: {pickled_model: model.pkl}}'],
    ['nonsense', 'mlflow-artifacts:/1/run/artifacts/model', '\u0001 [['],
  ])('finds none behind %s', async (_, source, text) => {
    await upload('1/run/artifacts/model/MLmodel', text);
    await upload('1/run/artifacts/model/model.onnx', 'net');
    await upload('1/run/artifacts/secret.onnx', 'secret');
    expect(await t.registry.resolveVersionArtifact('m', await create(source))).toBeNull();
  });

  it('answers for the engine’s own versions, and not for unknown ones', async () => {
    const version = await t.register('delays');
    const { onnx } = await t.registry.getModelVersion('delays', version);
    expect(await t.registry.resolveVersionArtifact('delays', version)).toEqual(onnx);
    await expect(t.registry.resolveVersionArtifact('delays', 9)).rejects.toMatchObject({ type: 'UnknownModel' });
  });
});
