import { posix } from 'node:path';
import { parse } from 'yaml';

const LARGEST_MLMODEL = 1_048_576;

/**
 * The ONNX file that an `MLmodel` file names, relative to its folder; undefined when it names none, or one outside of
 * the folder. Reads YAML, of which JSON is a part.
 */
export function onnxFileOf(mlmodel: string): string | undefined {
  if (mlmodel.length > LARGEST_MLMODEL) return undefined;
  const data = field(field(field(read(mlmodel), 'flavors'), 'onnx'), 'data');
  if (typeof data !== 'string' || data === '') return undefined;
  const path = posix.normalize(data);
  if (path !== data || path.startsWith('/') || path.startsWith('..') || /[\\\p{Cc}:]/u.test(path)) return undefined;
  return path;
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
    // A small file from anywhere: aliases that explode are refused.
    return parse(text, { maxAliasCount: 10, uniqueKeys: false }) as unknown;
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
