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
