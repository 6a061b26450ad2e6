import { describe, expect, it } from 'vitest';
import { onnxFileOf, signatureColumns } from '../../../registry/models/mlmodel.ts';

describe('onnxFileOf', () => {
  it('reads the ONNX file out of YAML, as clients write it', () => {
    const text = [
      'artifact_path: mlflow-artifacts:/0/models/m-1/artifacts',
      'flavors:',
      '  onnx:',
      '    code: null',
      '    data: model.onnx',
      '    onnx_version: 1.16.0',
      '  python_function:',
      '    data: model.onnx',
      '    loader_module: mlflow.onnx',
      "utc_time_created: '2001-03-01 00:00:00.000000'",
    ].join('\n');
    expect(onnxFileOf(text)).toBe('model.onnx');
  });

  it('reads JSON, and files in sub-folders', () => {
    expect(onnxFileOf('{"flavors":{"onnx":{"data":"weights/net.onnx"}}}')).toBe('weights/net.onnx');
  });

  const pyfunc = (flavor: object): string =>
    JSON.stringify({ flavors: { onnx: { data: 'model.onnx' }, python_function: flavor } });

  it('finds none where Python would load something else, or run code that lies beside it', () => {
    const same = { loader_module: 'mlflow.onnx', data: 'model.onnx' };
    expect(onnxFileOf(pyfunc(same))).toBe('model.onnx');
    expect(onnxFileOf(pyfunc({ ...same, code: null }))).toBe('model.onnx');
    for (const other of [{ loader_module: 'mlflow.sklearn' }, { data: 'other.onnx' }, { code: 'code' }]) {
      expect(onnxFileOf(pyfunc({ ...same, ...other }))).toBeUndefined();
    }
    const other = 'python_function: {loader_module: mlflow.sklearn}';
    const onnx = 'onnx: {data: model.onnx}';
    expect(onnxFileOf(`other: &o {${other}}\nflavors: {${onnx}, <<: *o}`)).toBeUndefined();
    expect(onnxFileOf(`flavors: {${onnx}}\nflavors: {${onnx}, ${other}}`)).toBeUndefined();
  });

  it('reads what wide models have: a signature of thousands of columns', () => {
    const columns = Array.from({ length: 8_000 }, (_, i) => ({ name: `f${i}`, type: 'double', required: true }));
    const text = `flavors:\n  onnx:\n    data: model.onnx\nsignature:\n  inputs: '${JSON.stringify(columns)}'\n`;
    expect(onnxFileOf(text)).toBe('model.onnx');
    expect(signatureColumns(text)).toEqual(columns.map(({ name }) => name));
  });

  const fill = (piece: (i: number) => string): string => {
    let text = '';
    for (let i = 0; text.length < 500_000; i++) text += piece(i);
    return text;
  };

  // Of each 500 kB took from half a second to more than two.
  it.each([
    ['keys', fill((i) => `k${i}: 1\n`)],
    ['a list', `a: [${fill(() => '1,')}]`],
    ['dashes', `a:\n${fill(() => '- \n')}`],
    ['comments', fill(() => '#\n')],
    ['merges', fill((i) => `<<: {k${i}: 1}\n`)],
  ])('does not read %s without end', (_, text) => {
    expect(onnxFileOf(`${text}\nflavors: {onnx: {data: model.onnx}}`)).toBeUndefined();
  });

  it('reads the columns of a signature as JSON alone, which they are', () => {
    const inputs = (text: string): string => JSON.stringify({ signature: { inputs: text } });
    expect(signatureColumns(inputs('[{"name": "a", "type": "double"}]'))).toEqual(['a']);
    expect(signatureColumns(inputs('[{name: a, type: double}]'))).toBeUndefined();
  });

  it('reads JSON of many keys, and YAML of hundreds', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 1] as const);
    expect(onnxFileOf(JSON.stringify({ ...Object.fromEntries(keys), flavors: { onnx: { data: 'model.onnx' } } }))).toBe(
      'model.onnx',
    );
    const lines = keys.slice(0, 500).map(([key, value]) => `${key}: ${value}\n`);
    expect(onnxFileOf(`${lines.join('')}flavors: {onnx: {data: model.onnx}}`)).toBe('model.onnx');
  });

  it.each([
    ...['', 'flavors: {}', 'flavors: {sklearn: {pickled_model: model.pkl}}', '{"flavors":{"onnx":{"data":3}}}'],
    ...['../secret', '/etc/passwd', 'a/../../b', 'C:x', 'a\\b', './a', ''].map((data) =>
      JSON.stringify({ flavors: { onnx: { data } } }),
    ),
    ...['{"flavors":', '[', 'flavors: &a [*a, *a]', '{"flavors":{"__proto__":{"data":"x"}}}', 'x'.repeat(2_000_000)],
  ])('finds none in %.60j', (text) => {
    expect(onnxFileOf(text)).toBeUndefined();
  });
});
