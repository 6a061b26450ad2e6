import proto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { writeOnnx } from '../../../learning/onnx-writer.ts';
import { buildMlmodel, logModelHistory } from '../../../registry/mlmodel.ts';
import { onnxFileOf } from '../../../registry/models/mlmodel.ts';
import { readOnnxSignature } from '../../../registry/onnx-signature.ts';

const { FLOAT, INT64, UNDEFINED } = proto.onnx.TensorProto.DataType;

/** The engine's own writer on a model of one leaf. */
const OWN = writeOnnx(
  {
    objective: 'binary sigmoid:1',
    average_output: false,
    max_feature_idx: 1,
    tree_info: [{ tree_structure: { leaf_value: 0.5 } }],
  } as unknown as Parameters<typeof writeOnnx>[0],
  { features: ['distance', 'airport.late_rate'], facts: {} },
);

function foreign(outputs: object[], input = tensor('x', FLOAT, [undefined, 4])): Uint8Array {
  const graph = {
    name: 'g',
    input: [input, tensor('weights', FLOAT, [4])],
    initializer: [{ name: 'weights', dims: [4], dataType: FLOAT }],
    output: outputs,
  };
  return proto.onnx.ModelProto.encode(proto.onnx.ModelProto.create({ irVersion: 8, graph })).finish();
}

function tensor(name: string, elemType: number, lengths: readonly (number | undefined)[]): object {
  const dim = lengths.map((length) => (length === undefined ? { dimParam: 'rows' } : { dimValue: length }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

describe('readOnnxSignature', () => {
  it('reads what the engine writes, with the names of its features', () => {
    expect(readOnnxSignature(OWN)).toEqual({
      inputs: [{ name: 'features', dtype: 'float32', shape: [-1, 2] }],
      outputs: [{ name: 'probability', dtype: 'float32', shape: [-1, 1] }],
      features: ['distance', 'airport.late_rate'],
    });
  });

  it('leaves weights out, and outputs that are no tensors', () => {
    const inputs = [{ name: 'x', dtype: 'float32', shape: [-1, 4] }];
    expect(readOnnxSignature(foreign([tensor('y', INT64, [undefined])]))).toEqual({
      inputs,
      outputs: [{ name: 'y', dtype: 'int64', shape: [-1] }],
      features: null,
    });
    const maps = { name: 'y', type: { sequenceType: { elemType: {} } } };
    expect(readOnnxSignature(foreign([maps]))).toEqual({ inputs, outputs: null, features: null });
  });

  it.each([
    ['bytes of something else', Buffer.from('not onnx')],
    ['nothing', new Uint8Array()],
    ['an input of no known type', foreign([], tensor('x', UNDEFINED, [1]))],
  ])('refuses %s', (_, bytes) => {
    expect(() => readOnnxSignature(bytes)).toThrow(expect.objectContaining({ type: 'UnsupportedOperator' }) as Error);
  });
});

describe('buildMlmodel', () => {
  const input = { runId: 'a'.repeat(32), createdAt: '2001-05-01T06:07:08.009Z', bytes: 120, sha256: 'b'.repeat(64) };

  it('says how MLflow loads the file, its columns by name, and when, without a clock', () => {
    const mlmodel = buildMlmodel({ ...input, signature: readOnnxSignature(OWN) });
    expect(mlmodel).toEqual({
      artifact_path: 'model',
      flavors: {
        onnx: { data: 'model.onnx', providers: ['CPUExecutionProvider'], onnx_session_options: null, code: null },
        python_function: { loader_module: 'mlflow.onnx', data: 'model.onnx' },
      },
      model_size_bytes: 120,
      run_id: input.runId,
      signature: {
        inputs: JSON.stringify([
          { name: 'distance', type: 'double', required: true },
          { name: 'airport.late_rate', type: 'double', required: true },
        ]),
        outputs: JSON.stringify([
          { name: 'probability', type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 1] } },
        ]),
        params: null,
      },
      utc_time_created: '2001-05-01 06:07:08.009000',
      metadata: { 'superstep.onnx_sha256': input.sha256 },
    });
    expect(onnxFileOf(JSON.stringify(mlmodel))).toBe('model.onnx');
    expect(JSON.parse(logModelHistory(mlmodel))).toMatchObject([{ artifact_path: 'model', run_id: input.runId }]);
  });

  it('describes tensors where no columns are named', () => {
    const { signature } = buildMlmodel({ ...input, signature: readOnnxSignature(foreign([])) });
    expect(signature.inputs).toBe('[{"name":"x","type":"tensor","tensor-spec":{"dtype":"float32","shape":[-1,4]}}]');
  });
});
