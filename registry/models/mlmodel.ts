import { posix } from 'node:path';
import { Lexer, parse } from 'yaml';

/** Bytes of an `MLmodel` file. Usual are 20 kB; a signature of 5,000 columns makes some 300 kB. */
export const LARGEST_MLMODEL = 512 * 1024;
/** Usual are some hundred. The time that YAML takes goes with its tokens more than with its bytes. */
const MOST_TOKENS = 5_000;

/**
 * The ONNX file that an `MLmodel` file names, relative to its folder; undefined when it names none, one outside of the
 * folder, or offers something else to those who load it as a Python function. Reads YAML, of which JSON is a part.
 */
export function onnxFileOf(mlmodel: string): string | undefined {
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
  const inputs = field(field(read(mlmodel), 'signature'), 'inputs');
  // A JSON text within the YAML.
  const columns = typeof inputs === 'string' ? readJson(inputs) : undefined;
  if (!Array.isArray(columns) || columns.length === 0) return undefined;
  const names = columns.map((column) => (field(column, 'type') === 'tensor' ? undefined : field(column, 'name')));
  return names.every((name) => typeof name === 'string') ? names : undefined;
}

function read(text: string): unknown {
  if (text.length > LARGEST_MLMODEL) return undefined;
  return readJson(text) ?? readYaml(text);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function readYaml(text: string): unknown {
  if (!hasFewTokens(text)) return undefined;
  try {
    // A small file from anywhere: aliases that explode are refused, and many keys are not compared each with each, which
    // takes minutes. Merges and keys that come twice are read as Python reads them.
    return parse(text, { maxAliasCount: 10, uniqueKeys: false, merge: true }) as unknown;
  } catch {
    return undefined;
  }
}

/** Counted as they are found, so that a file made of nothing else is not read to its end. */
function hasFewTokens(text: string): boolean {
  let tokens = 0;
  for (const _ of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > MOST_TOKENS) return false;
  }
  return true;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
