import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inferResponse, parseInferRequest } from '../../serving/endpoint-protocol.ts';

const FEATURES = ['hour', 'distance', 'late_rate_7d'];

function matrix(shape: unknown, data: unknown, more: Record<string, unknown> = {}): unknown {
  return { inputs: [{ name: 'features', datatype: 'FP32', shape, data }], ...more };
}

function column(name: string, shape: unknown, data: unknown): unknown {
  return { name, datatype: 'FP32', shape, data };
}

function parse(body: unknown, maxRows = 10) {
  return parseInferRequest(body, FEATURES, maxRows);
}

describe('parseInferRequest', () => {
  it('reads one matrix, flat or nested, with null as a missing value', () => {
    const flat = parse(matrix([2, 3], [1, 2, 3, 4, null, 6], { id: 'a' }));
    const nested = parse(
      matrix(
        [2, 3],
        [
          [1, 2, 3],
          [4, null, 6],
        ],
        { id: 'a' },
      ),
    );
    expect(flat).toEqual({ ok: true, rows: new Float32Array([1, 2, 3, 4, NaN, 6]), count: 2, id: 'a' });
    expect(nested).toEqual(flat);
  });

  it('reads one tensor per feature, in any order, [n] or [n, 1], flat or nested', () => {
    const body = {
      inputs: [
        column('late_rate_7d', [2], [3, 6]),
        column('hour', [2, 1], [[1], [4]]),
        column('distance', [2, 1], [2, null]),
      ],
    };
    expect(parse(body)).toEqual({ ok: true, rows: new Float32Array([1, 2, 3, 4, NaN, 6]), count: 2, id: undefined });
  });

  it('takes a tensor named "features" for a column when there are others beside it', () => {
    const body = { inputs: [column('b', [1], [2]), column('features', [1], [1])] };
    expect(parseInferRequest(body, ['features', 'b'], 10)).toMatchObject({ ok: true, count: 1 });
  });

  it('gives the same rows for both forms', () => {
    const value = fc.option(fc.float({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 8 }), (rows) => {
        const byColumn = FEATURES.map((name, i) =>
          column(
            name,
            [rows.length],
            rows.map((row) => row[i]),
          ),
        );
        const asMatrix = parse(matrix([rows.length, 3], rows.flat()));
        expect(asMatrix.ok).toBe(true);
        expect(parse({ inputs: byColumn.reverse() })).toEqual(asMatrix);
      }),
    );
  });

  it.each([
    ['no object', 7, 'expected a JSON object with "inputs", found a number'],
    ['no body', undefined, 'expected a JSON object with "inputs", found nothing'],
    ['no inputs', {}, 'expected "inputs" to be a list of tensors, found nothing'],
    ['empty inputs', { inputs: [] }, 'expected "inputs" to be a list of tensors, found an empty list'],
    ['id', matrix([1, 3], [1, 2, 3], { id: 5 }), 'expected "id" to be a string, found a number'],
    ['output', matrix([1, 3], [1, 2, 3], { outputs: [{ name: 'label' }] }), 'unknown output "label"'],
    ['datatype', { inputs: [{ name: 'features', datatype: 'INT64' }] }, 'expected datatype "FP32", found "INT64"'],
    ['width', matrix([1, 2], [1, 2]), 'expected shape [n, 3] for the 3 features hour, distance, late_rate_7d'],
    ['rank', matrix([3], [1, 2, 3]), 'found [3]'],
    ['negative', matrix([-1, 3], []), 'expected "shape" to be a list of whole numbers, found [-1,3]'],
    ['no rows', matrix([0, 3], []), 'expected at least one row, found 0'],
    ['too few', matrix([2, 3], [1, 2, 3]), 'expected 6 values in "data", found 3'],
    [
      'ragged',
      matrix([2, 3], [[1, 2, 3], [1]]),
      'expected row 1 of "data" to be a list of 3 values, found a list of 1',
    ],
    ['mixed', matrix([2, 3], [[1, 2, 3], 4]), 'expected row 1 of "data" to be a list of 3 values, found a number'],
    ['text', matrix([1, 3], [1, 'x', 3]), 'expected row 0, column 1 to be a 32-bit number or null, found "x"'],
    ['boolean', matrix([1, 3], [1, true, 3]), 'found true'],
    ['beyond float32', matrix([1, 3], [1, 1e39, 3]), 'found 1e+39'],
    ['no data', matrix([1, 3], undefined), 'expected "data" to be a list of numbers, found nothing'],
    [
      'names',
      { inputs: [column('hour', [1], [1]), column('weight', [1], [1])] },
      'found 2, missing "distance", "late_rate_7d", unknown "weight"',
    ],
    ['twice', { inputs: ['hour', 'hour', 'distance', 'late_rate_7d'].map((n) => column(n, [1], [1])) }, 'found 4'],
    [
      'uneven columns',
      { inputs: FEATURES.map((name, i) => column(name, [i + 1], Array(i + 1).fill(0))) },
      'input "distance": expected shape [1] or [1, 1], found [2]',
    ],
  ])('refuses: %s', (_name, body, message) => {
    const answer = parse(body);
    expect(answer).toMatchObject({ ok: false, status: 400 });
    expect(answer).toHaveProperty('error', expect.stringContaining(message));
  });

  it('refuses too many rows before it reads them', () => {
    expect(parse(matrix([11, 3], []))).toEqual({
      ok: false,
      status: 413,
      error: 'expected at most 10 rows in one request, found 11',
    });
    expect(parse({ inputs: FEATURES.map((name) => column(name, [11], [])) })).toMatchObject({ status: 413 });
  });

  it('never throws, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (shape, data) => {
        parse(data);
        parse(matrix(shape, data));
        parse({ inputs: FEATURES.map((name) => column(name, shape, data)) });
      }),
    );
  });
});

describe('inferResponse', () => {
  it('names model, version, id and one output of [n, 1]', () => {
    expect(inferResponse('m', 3, 'a', new Float32Array([0.5, 0.25]))).toEqual({
      model_name: 'm',
      model_version: '3',
      id: 'a',
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [2, 1], data: [0.5, 0.25] }],
    });
    expect(inferResponse('m', 3, undefined, new Float32Array([0.5]))).not.toHaveProperty('id');
  });
});
