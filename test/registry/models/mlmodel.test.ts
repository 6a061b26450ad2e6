import { describe, expect, it } from 'vitest';
import { onnxFileOf } from '../../../registry/models/mlmodel.ts';

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

  it('reads a file of many keys in no time', () => {
    const keys = Array.from({ length: 70_000 }, (_, i) => `k${i}: 1\n`).join('');
    expect(onnxFileOf(`${keys}flavors: {onnx: {data: model.onnx}}`)).toBe('model.onnx');
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
