import { posix } from 'node:path';
import { parse } from 'yaml';

const LARGEST_MLMODEL = 1_048_576;

/**
 * The ONNX file that an `MLmodel` file names, relative to its folder; undefined when it names none, one outside of the
 * folder, or offers something else to those who load it as a Python function. Reads YAML, of which JSON is a part.
 */
export function onnxFileOf(mlmodel: string): string | undefined {
  if (mlmodel.length > LARGEST_MLMODEL) return undefined;
  const flavors = field(read(mlmodel), 'flavors');
  const data = field(field(flavors, 'onnx'), 'data');
  if (typeof data !== 'string' || data === '') return undefined;
  if (!isPyfuncOf(data, field(flavors, 'python_function'))) return undefined;
  const path = posix.normalize(data);
  if (path !== data || path.startsWith('/') || path.startsWith('..') || /[\\\p{Cc}:]/u.test(path)) return undefined;
  return path;
}

/** Gates judge the ONNX file: `mlflow.pyfunc.load_model` must give that one, and run no code that came beside it. */
function isPyfuncOf(onnx: string, flavor: unknown): boolean {
  if (flavor === undefined) return true;
  const [data, code] = [field(flavor, 'data'), field(flavor, 'code')];
  return (
    field(flavor, 'loader_module') === 'mlflow.onnx' &&
    (data === undefined || data === onnx) &&
    (code === undefined || code === null)
  );
}

/**
 * Names of the columns that the signature in an `MLmodel` file takes, in order; undefined where it has no signature, or
 * one of tensors, which have no columns.
 */
export function signatureColumns(mlmodel: string): readonly string[] | undefined {
  if (mlmodel.length > LARGEST_MLMODEL) return undefined;
  const inputs = field(field(read(mlmodel), 'signature'), 'inputs');
  // A JSON text within the YAML.
  const columns = typeof inputs === 'string' ? read(inputs) : undefined;
  if (!Array.isArray(columns) || columns.length === 0) return undefined;
  const names = columns.map((column) => (field(column, 'type') === 'tensor' ? undefined : field(column, 'name')));
  return names.every((name) => typeof name === 'string') ? names : undefined;
}

function read(text: string): unknown {
  try {
    // A small file from anywhere: aliases that explode are refused, and many keys are not compared each with each, which
    // takes minutes. Merges and keys that come twice are read as Python reads them.
    return parse(text, { maxAliasCount: 10, uniqueKeys: false, merge: true }) as unknown;
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
