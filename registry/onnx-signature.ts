import proto, { type onnx } from 'onnx-proto';
import { SuperstepError } from '../contracts/failure-types.ts';

/** An input or output of an ONNX graph. */
export interface OnnxTensor {
  readonly name: string;
  /** numpy's name of the type: `float32`; `object` for texts. */
  readonly dtype: string;
  /** -1 where any length will do. */
  readonly shape: readonly number[];
}

/** What an ONNX file takes and gives. */
export interface OnnxSignature {
  readonly inputs: readonly OnnxTensor[];
  /** Null when one of them is no tensor, such as a list of maps. */
  readonly outputs: readonly OnnxTensor[] | null;
  /** Names of the columns of a single input [rows, columns], which our own writer puts into the file's metadata. */
  readonly features: readonly string[] | null;
}

const { DataType } = proto.onnx.TensorProto;
const DTYPES: ReadonlyMap<number, string> = new Map([
  [DataType.FLOAT, 'float32'],
  [DataType.UINT8, 'uint8'],
  [DataType.INT8, 'int8'],
  [DataType.UINT16, 'uint16'],
  [DataType.INT16, 'int16'],
  [DataType.INT32, 'int32'],
  [DataType.INT64, 'int64'],
  [DataType.STRING, 'object'],
  [DataType.BOOL, 'bool'],
  [DataType.FLOAT16, 'float16'],
  [DataType.DOUBLE, 'float64'],
  [DataType.UINT32, 'uint32'],
  [DataType.UINT64, 'uint64'],
]);

/**
 * Reads what an ONNX file takes and gives, without loading it into a runtime.
 *
 * @throws UnsupportedOperator for bytes that are no ONNX model, or take what is no tensor
 */
export function readOnnxSignature(bytes: Uint8Array): OnnxSignature {
  const { graph, metadataProps } = decode(bytes);
  // Weights may be listed among the inputs.
  const weights = new Set(graph?.initializer?.map(({ name }) => name));
  const inputs = (graph?.input ?? []).filter(({ name }) => !weights.has(name)).map(tensorOf);
  const outputs = (graph?.output ?? []).map(tensorOf);
  if (inputs.length === 0 || !inputs.every(isTensor)) throw unsupported('an input that is no tensor, or none at all');
  return {
    inputs,
    outputs: outputs.every(isTensor) ? outputs : null,
    features: featuresOf(metadataProps, inputs),
  };
}

function decode(bytes: Uint8Array): onnx.IModelProto {
  try {
    return proto.onnx.ModelProto.decode(bytes);
  } catch (error) {
    throw unsupported(`bytes that cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function tensorOf({ name, type }: onnx.IValueInfoProto): OnnxTensor | undefined {
  const dtype = DTYPES.get(type?.tensorType?.elemType ?? DataType.UNDEFINED);
  if (dtype === undefined) return undefined;
  const shape = (type?.tensorType?.shape?.dim ?? []).map(({ dimValue }) => Number(dimValue ?? 0) || -1);
  return { name: name ?? '', dtype, shape };
}

function isTensor(tensor: OnnxTensor | undefined): tensor is OnnxTensor {
  return tensor !== undefined;
}

function featuresOf(
  metadata: readonly onnx.IStringStringEntryProto[] | null | undefined,
  inputs: readonly OnnxTensor[],
): readonly string[] | null {
  const text = metadata?.find(({ key }) => key === 'features')?.value;
  const [input, ...others] = inputs;
  if (text === undefined || text === null || input === undefined || others.length > 0) return null;
  const names = parse(text);
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) return null;
  return input.shape.length === 2 && input.shape[1] === names.length ? names : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unsupported(found: string): SuperstepError {
  return new SuperstepError('UnsupportedOperator', `found ${found}; expected an ONNX model that takes tensors`);
}
