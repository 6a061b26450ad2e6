/**
 * The Open Inference Protocol v2 in REST JSON, as pure functions: a request body to rows of float32, scores to a
 * response body. https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 */

/** Name of the one input tensor that carries all features, row by row. */
export const MATRIX_INPUT = 'features';
export const OUTPUT = 'probability';
const DATATYPE = 'FP32';
const FLOAT32_MAX = 3.4028234663852886e38;

/** What a client's request asks to be scored: `count` rows, row-major, missing values as NaN. */
export interface InferRows {
  readonly ok: true;
  readonly rows: Float32Array;
  readonly count: number;
  readonly id: string | undefined;
}

/** Why a request cannot be scored: the HTTP status and a sentence that says what was expected and what was found. */
export interface ProtocolError {
  readonly ok: false;
  readonly status: 400 | 413;
  readonly error: string;
}

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

/**
 * Reads an inference request. Two forms are understood: one tensor `features` of shape [n, K] with the columns in the
 * model's order, or one tensor of shape [n] or [n, 1] per feature, in any order. Data may be flat or nested; `null` is
 * a missing value.
 */
export function parseInferRequest(
  body: unknown,
  features: readonly string[],
  maxRows: number,
): InferRows | ProtocolError {
  if (!isRecord(body)) return bad(`expected a JSON object with "inputs", found ${kindOf(body)}`);
  const { id, inputs, outputs } = body;
  if (id !== undefined && typeof id !== 'string') return bad(`expected "id" to be a string, found ${kindOf(id)}`);
  const wrongOutput = checkOutputs(outputs);
  if (wrongOutput !== undefined) return bad(wrongOutput);
  if (!Array.isArray(inputs) || inputs.length === 0) {
    return bad(`expected "inputs" to be a list of tensors, found ${kindOf(inputs)}`);
  }
  const tensors: Tensor[] = [];
  for (const [position, input] of inputs.entries()) {
    const tensor = readTensor(input, position);
    if (typeof tensor === 'string') return bad(tensor);
    tensors.push(tensor);
  }
  const [first] = tensors;
  const parsed =
    tensors.length === 1 && first?.name === MATRIX_INPUT
      ? readMatrix(first, features, maxRows)
      : readColumns(tensors, features, maxRows);
  return 'ok' in parsed ? parsed : { ok: true, ...parsed, id };
}

/** The answer to an inference request: one output `probability` of shape [n, 1]. */
export function inferResponse(
  model: string,
  version: number,
  id: string | undefined,
  scores: Float32Array,
): Record<string, unknown> {
  return {
    model_name: model,
    model_version: String(version),
    ...(id === undefined ? {} : { id }),
    outputs: [{ name: OUTPUT, datatype: DATATYPE, shape: [scores.length, 1], data: Array.from(scores) }],
  };
}

/** Tensors of a model as its metadata names them. -1 is the free number of rows. */
export function tensorMetadata(features: readonly string[]): Record<'inputs' | 'outputs', unknown[]> {
  return {
    inputs: [{ name: MATRIX_INPUT, datatype: DATATYPE, shape: [-1, features.length] }],
    outputs: [{ name: OUTPUT, datatype: DATATYPE, shape: [-1, 1] }],
  };
}

function checkOutputs(outputs: unknown): string | undefined {
  if (outputs === undefined) return undefined;
  if (!Array.isArray(outputs)) return `expected "outputs" to be a list, found ${kindOf(outputs)}`;
  for (const output of outputs as unknown[]) {
    const name = isRecord(output) ? output['name'] : output;
    if (name !== OUTPUT) return `unknown output ${JSON.stringify(name)}; expected "${OUTPUT}"`;
  }
  return undefined;
}

function readTensor(input: unknown, position: number): Tensor | string {
  if (!isRecord(input)) return `input ${position}: expected an object, found ${kindOf(input)}`;
  const { name, shape, datatype, data } = input;
  if (typeof name !== 'string') return `input ${position}: expected "name" to be a string, found ${kindOf(name)}`;
  const label = `input ${quote(name)}`;
  if (datatype !== DATATYPE) return `${label}: expected datatype "${DATATYPE}", found ${JSON.stringify(datatype)}`;
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    return `${label}: expected "shape" to be a list of whole numbers, found ${JSON.stringify(shape)}`;
  }
  if (!Array.isArray(data)) return `${label}: expected "data" to be a list of numbers, found ${kindOf(data)}`;
  return { name, shape: shape as number[], data };
}

type Rows = Omit<InferRows, 'ok' | 'id'>;

function readMatrix(tensor: Tensor, features: readonly string[], maxRows: number): Rows | ProtocolError {
  const width = features.length;
  const [count, columns] = tensor.shape;
  if (tensor.shape.length !== 2 || count === undefined || columns !== width) {
    return bad(
      `input "${MATRIX_INPUT}": expected shape [n, ${width}] for the ${width} features ${features.join(', ')}, ` +
        `found [${tensor.shape.join(', ')}]`,
    );
  }
  const wrongCount = checkCount(count, maxRows);
  if (wrongCount !== undefined) return wrongCount;
  const rows = new Float32Array(count * width);
  const wrong = fill(rows, tensor, count, width, 0, width);
  return wrong === undefined ? { rows, count } : bad(wrong);
}

function readColumns(tensors: readonly Tensor[], features: readonly string[], maxRows: number): Rows | ProtocolError {
  const columns = new Map(features.map((feature, column) => [feature, column]));
  const names = new Set(tensors.map((tensor) => tensor.name));
  const missing = features.filter((feature) => !names.has(feature));
  const unknown = [...names].filter((name) => !columns.has(name));
  if (missing.length > 0 || unknown.length > 0 || tensors.length !== features.length) {
    return bad(
      `expected one tensor "${MATRIX_INPUT}" or one for each of the ${features.length} features ` +
        `${features.join(', ')}; found ${tensors.length}` +
        (missing.length > 0 ? `, missing ${missing.map(quote).join(', ')}` : '') +
        (unknown.length > 0 ? `, unknown ${unknown.map(quote).join(', ')}` : ''),
    );
  }
  const count = tensors[0]?.shape[0] ?? 0;
  const wrongCount = checkCount(count, maxRows);
  if (wrongCount !== undefined) return wrongCount;
  const rows = new Float32Array(count * features.length);
  for (const tensor of tensors) {
    const { shape } = tensor;
    const isColumn = shape[0] === count && (shape.length === 1 || (shape.length === 2 && shape[1] === 1));
    if (!isColumn) {
      return bad(
        `input ${quote(tensor.name)}: expected shape [${count}] or [${count}, 1], found [${shape.join(', ')}]`,
      );
    }
    const wrong = fill(rows, tensor, count, 1, columns.get(tensor.name) ?? 0, features.length);
    if (wrong !== undefined) return bad(wrong);
  }
  return { rows, count };
}

function checkCount(count: number, maxRows: number): ProtocolError | undefined {
  if (count === 0) return bad('expected at least one row, found 0');
  if (count <= maxRows) return undefined;
  return { ok: false, status: 413, error: `expected at most ${maxRows} rows in one request, found ${count}` };
}

/**
 * Copies `count` x `width` values, flat or one list a row, to column `offset` of rows that are `stride` wide. Returns
 * what is wrong, if anything is.
 */
function fill(
  rows: Float32Array,
  { name, data }: Tensor,
  count: number,
  width: number,
  offset: number,
  stride: number,
): string | undefined {
  const nested = Array.isArray(data[0]);
  const expected = nested ? count : count * width;
  if (data.length !== expected) {
    return `input ${quote(name)}: expected ${expected} ${nested ? 'rows' : 'values'} in "data", found ${data.length}`;
  }
  for (let row = 0; row < count; row++) {
    const values = nested ? data[row] : data;
    if (!Array.isArray(values) || (nested && values.length !== width)) {
      const found = Array.isArray(values) ? `a list of ${values.length}` : kindOf(values);
      return `input ${quote(name)}: expected row ${row} of "data" to be a list of ${width} values, found ${found}`;
    }
    const start = nested ? 0 : row * width;
    for (let column = 0; column < width; column++) {
      const value: unknown = values[start + column];
      if (value !== null && (typeof value !== 'number' || !(Math.abs(value) <= FLOAT32_MAX))) {
        const where = `row ${row}${width > 1 ? `, column ${column}` : ''}`;
        return `input ${quote(name)}: expected ${where} to be a 32-bit number or null, found ${shown(value)}`;
      }
      rows[row * stride + offset + column] = value ?? NaN;
    }
  }
  return undefined;
}

function bad(error: string): ProtocolError {
  return { ok: false, status: 400, error };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A client's text in a message: quoted and never long. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}
