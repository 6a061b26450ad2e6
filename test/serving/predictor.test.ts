import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import proto from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPredictor } from '../../serving/predictor.ts';
import { memoryHungry } from '../support/memory-hungry.ts';
import { SMALL_MODEL_FEATURES, smallModel, smallModelScore } from '../support/small-model.ts';

const bytes = smallModel();
const sha256 = createHash('sha256').update(bytes).digest('hex');
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'predictor-'));
  file = join(folder, 'model.onnx');
  await writeFile(file, bytes);
});
afterAll(() => rm(folder, { recursive: true }));

/** The model with something about it changed. */
function changed(change: (model: InstanceType<typeof proto.onnx.ModelProto>) => void): Uint8Array {
  const model = proto.onnx.ModelProto.decode(bytes);
  change(model);
  return proto.onnx.ModelProto.encode(model).finish();
}

/** The score under another name, beside a second number that is none. */
function withSecondOutput(score: string): Uint8Array {
  return changed(({ graph }) => {
    const [node, output] = [graph?.node?.at(-1), graph?.output?.[0]];
    if (!graph?.node || !graph.output || !node || !output) throw new Error('the small model has another graph');
    const [raw = ''] = node.input ?? [];
    node.output = [score];
    output.name = score;
    graph.node.push(proto.onnx.NodeProto.create({ opType: 'Identity', input: [raw], output: ['second'] }));
    graph.output.push(proto.onnx.ValueInfoProto.create({ ...output, name: 'second' }));
  });
}

/** As other trainers' converters write it: other names, and a column for each label. */
function withTwoColumns(): Uint8Array {
  return changed((model) => {
    const { graph } = model;
    const [node, output] = [graph?.node?.at(-1), graph?.output?.[0]];
    const shape = output?.type?.tensorType?.shape?.dim;
    if (!graph?.node || !node || !output || !shape?.[1]) throw new Error('the small model has another graph');
    const [raw = ''] = node.input ?? [];
    const axis = proto.onnx.AttributeProto.create({
      name: 'axis',
      i: 1,
      type: proto.onnx.AttributeProto.AttributeType.INT,
    });
    const concat = { opType: 'Concat', input: [raw, 'probability'], output: ['probabilities'], attribute: [axis] };
    graph.node.push(proto.onnx.NodeProto.create(concat));
    output.name = 'probabilities';
    shape[1].dimValue = 2;
    for (const one of graph.node) one.input = one.input?.map((name) => (name === 'features' ? 'X' : name)) ?? [];
    const [input] = graph.input ?? [];
    if (input) input.name = 'X';
    model.metadataProps = [];
  });
}

/** Puts a node between the score and the output. */
function withLastNode(
  node: { readonly opType: string; readonly more: readonly string[] },
  weights: readonly { readonly name: string; readonly values: readonly number[] }[],
): Uint8Array {
  return changed(({ graph }) => {
    const last = graph?.node?.at(-1);
    if (!graph?.node || !graph.initializer || !last) throw new Error('the small model has another graph');
    last.output = ['inner'];
    for (const { name, values } of weights) {
      const dataType = proto.onnx.TensorProto.DataType.INT64;
      const tensor = { name, dims: [values.length], dataType, int64Data: [...values] };
      graph.initializer.push(proto.onnx.TensorProto.create(tensor));
    }
    const input = ['inner', ...node.more];
    graph.node.push(proto.onnx.NodeProto.create({ opType: node.opType, input, output: ['probability'] }));
  });
}

/** Reshapes to one row, which two rows do not fit. */
function withFixedRows(): Uint8Array {
  return withLastNode({ opType: 'Reshape', more: ['one'] }, [{ name: 'one', values: [1, 1] }]);
}

function withFirstRowOnly(): Uint8Array {
  const slice = [
    { name: 'starts', values: [0] },
    { name: 'ends', values: [1] },
    { name: 'axes', values: [0] },
  ];
  return withLastNode({ opType: 'Slice', more: ['starts', 'ends', 'axes'] }, slice);
}

describe('loadPredictor', () => {
  it('takes a file of another trainer: other names, a column for each label, names given with it', async () => {
    const features = [...SMALL_MODEL_FEATURES];
    const predictor = await loadPredictor(withTwoColumns(), { threads: 1, features });
    expect(predictor.features).toEqual(features);
    const scores = await predictor.predict(Float32Array.of(18, 0.1, 17, 0.4), 2);
    expect(scores).toHaveLength(2);
    [smallModelScore(18, 0.1), smallModelScore(17, 0.4)].forEach((score, row) =>
      expect(scores[row]).toBeCloseTo(score, 6),
    );
    await predictor.release();
  });

  it('says so when a file takes and gives what it says, and cannot score rows none the less', async () => {
    // One row at a time, whatever its declared shape says.
    const predictor = await loadPredictor(withFixedRows(), { threads: 1 });
    expect(await predictor.predict(Float32Array.of(18, 0.1), 1)).toHaveLength(1);
    await expect(predictor.predict(Float32Array.of(18, 0.1, 5, 0.2), 2)).rejects.toMatchObject({
      type: 'UnsupportedOperator',
      message: expect.stringContaining('cannot score rows') as string,
    });
    await predictor.release();
  });

  it('tells a file that asks for more memory than there is from one that it cannot run', async () => {
    const predictor = await loadPredictor(memoryHungry(bytes), { threads: 1 });
    await expect(predictor.predict(Float32Array.of(18, 0.1), 1)).rejects.toMatchObject({
      type: 'OutOfMemory',
      message: expect.stringContaining('asks for more memory than there is') as string,
    });
    await predictor.release();
  });

  it('takes no answer of another length for scores', async () => {
    const predictor = await loadPredictor(withFirstRowOnly(), { threads: 1 });
    await expect(predictor.predict(Float32Array.of(18, 0.1, 5, 0.2), 2)).rejects.toMatchObject({
      type: 'UnsupportedOperator',
      message: expect.stringContaining('1 values for 2 rows') as string,
    });
    await predictor.release();
  });

  it('finds the score by its name among others', async () => {
    const predictor = await loadPredictor(withSecondOutput('probability'), { threads: 1 });
    expect((await predictor.predict(Float32Array.of(18, 0.1), 1))[0]).toBeCloseTo(smallModelScore(18, 0.1), 6);
    await predictor.release();
  });

  it('scores rows from a file, in order, missing values included', async () => {
    const predictor = await loadPredictor(file, { threads: 1, expectedSha256: sha256 });
    expect(predictor).toMatchObject({ features: [...SMALL_MODEL_FEATURES], sha256, metadata: { snapshot: '3' } });
    const scores = await predictor.predict(
      Float32Array.of(18, 0.1, 17, 0.4, 5, 0.3, 5, Number.NaN, Number.NaN, 0.9),
      5,
    );
    const expected = [
      smallModelScore(18, 0.1),
      smallModelScore(17, 0.4),
      smallModelScore(5, 0.3),
      smallModelScore(5, null),
      smallModelScore(null, 0.9),
    ];
    expected.forEach((score, row) => expect(scores[row]).toBeCloseTo(score, 6));
    expect(scores).toHaveLength(5);
    await predictor.release();
  });

  it('gives the same from bytes, and for any number of rows and threads', async () => {
    const predictor = await loadPredictor(bytes, { threads: 2 });
    expect(await predictor.predict(new Float32Array(0), 0)).toHaveLength(0);
    const rows = Float32Array.from({ length: 2 * 5000 }, (_, at) => (at % 2 === 0 ? at % 24 : (at % 100) / 100));
    const together = await predictor.predict(rows, 5000);
    for (const row of [0, 1, 2, 4999]) {
      expect((await predictor.predict(rows.subarray(row * 2, row * 2 + 2), 1))[0]).toBe(together[row]);
    }
    await predictor.release();
  });

  it('refuses rows of another width', async () => {
    const predictor = await loadPredictor(bytes, { threads: 1 });
    await expect(predictor.predict(new Float32Array(3), 1)).rejects.toMatchObject({ type: 'InvalidInput' });
    await predictor.release();
  });

  it('refuses a file that is not the expected one', async () => {
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 1] = 0x7f;
    await expect(loadPredictor(damaged, { threads: 1, expectedSha256: sha256 })).rejects.toMatchObject({
      type: 'ChecksumMismatch',
      details: { expected: sha256 },
    });
  });

  it.each([
    ['no ONNX', Buffer.from('no model at all'), /cannot be read as ONNX/],
    ['nothing', new Uint8Array(0), /no JSON list of names/],
    [
      'a file without feature names',
      changed((model) => (model.metadataProps = [])),
      /no JSON list of names under "features"/,
    ],
    [
      'feature names that are no list',
      changed((model) => (model.metadataProps = [{ key: 'features', value: '{}' }])),
      /no JSON list/,
    ],
    [
      'more feature names than inputs',
      changed((model) => (model.metadataProps = [{ key: 'features', value: '["a","b","c"]' }])),
      /expected one input float32 \[rows, 3\]/,
    ],
    [
      'an operator that the runtime lacks',
      changed((model) => {
        const node = model.graph?.node?.[1];
        if (node) node.opType = 'Sigmoidal';
      }),
      /the runtime refuses it.*Sigmoidal/s,
    ],
    ['two outputs, neither named as the score', withSecondOutput('p'), /gives "p" .*, "second" .*; expected/],
  ])('refuses %s', async (_, model, message) => {
    await expect(loadPredictor(model, { threads: 1 })).rejects.toMatchObject({
      type: 'UnsupportedOperator',
      message: expect.stringMatching(message) as string,
    });
  });
});
