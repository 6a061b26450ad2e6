import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import proto, { type onnx } from 'onnx-proto';

export interface TinyModel {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes an ONNX file that answers sigmoid(x . weights + bias): the signature of Superstep's models (input `features`
 * of [n, K], output `probability` of [n, 1], the feature names in `metadata_props`), small enough to know each answer.
 */
export function writeTinyModel(
  folder: string,
  name: string,
  features: readonly string[],
  weights: readonly number[],
  bias: number,
): TinyModel {
  const bytes = tinyModelBytes(features, weights, bias);
  const file = join(folder, `${name}.onnx`);
  writeFileSync(file, bytes);
  return { file, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
}

/** What {@link writeTinyModel}'s model answers for one row. */
export function tinyAnswer(row: readonly number[], weights: readonly number[], bias: number): number {
  const sum = row.reduce((total, value, column) => total + value * (weights[column] ?? 0), bias);
  return 1 / (1 + Math.exp(-sum));
}

function tinyModelBytes(features: readonly string[], weights: readonly number[], bias: number): Uint8Array {
  const FLOAT = proto.onnx.TensorProto.DataType.FLOAT;
  const tensor = (name: string, dims: number[], floatData: readonly number[]): onnx.ITensorProto => ({
    name,
    dims,
    dataType: FLOAT,
    floatData: [...floatData],
  });
  const valueInfo = (name: string, columns: number): onnx.IValueInfoProto => ({
    name,
    type: { tensorType: { elemType: FLOAT, shape: { dim: [{ dimParam: 'N' }, { dimValue: columns }] } } },
  });
  const model: onnx.IModelProto = {
    irVersion: 8,
    producerName: 'superstep-test',
    opsetImport: [{ domain: '', version: 17 }],
    metadataProps: [{ key: 'features', value: JSON.stringify(features) }],
    graph: {
      name: 'tiny',
      input: [valueInfo('features', features.length)],
      output: [valueInfo('probability', 1)],
      initializer: [tensor('weights', [features.length, 1], weights), tensor('bias', [1], [bias])],
      node: [
        { opType: 'MatMul', input: ['features', 'weights'], output: ['product'] },
        { opType: 'Add', input: ['product', 'bias'], output: ['raw'] },
        { opType: 'Sigmoid', input: ['raw'], output: ['probability'] },
      ],
    },
  };
  return proto.onnx.ModelProto.encode(proto.onnx.ModelProto.create(model)).finish();
}
