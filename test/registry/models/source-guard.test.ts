import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSource } from '../../../registry/models/source-guard.ts';

const RUN = 'a'.repeat(32);
const MODEL = `m-${'0'.repeat(32)}`;

describe('readSource', () => {
  it.each([
    [`mlflow-artifacts:/1/${RUN}/artifacts/model`, { kind: 'artifacts', path: `1/${RUN}/artifacts/model` }],
    ['mlflow-artifacts:/1//x/', { kind: 'artifacts', path: '1/x' }],
    ['mlflow-artifacts://host:9/1/x', { kind: 'elsewhere' }],
    ['http://h:5000/api/2.0/mlflow-artifacts/artifacts/1/x', { kind: 'elsewhere' }],
    [`runs:/${RUN}/model`, { kind: 'run', runId: RUN, path: 'model' }],
    [`models:/${MODEL}`, { kind: 'logged-model', modelId: MODEL }],
    ['models:/delays/12', { kind: 'version', model: 'delays', version: 12 }],
    ['s3://b/p', { kind: 'elsewhere' }],
    ['s3://b//p/....', { kind: 'elsewhere' }],
    ['https://example.com/x%20y', { kind: 'elsewhere' }],
  ])('reads %s', (source, expected) => {
    expect(readSource(source)).toEqual(expected);
  });

  // The recorded server's bad list (golden lines 142-149), and what its guards and published holes add.
  it.each([
    ...['file:///etc', '/etc/passwd', '../x', 'mlflow-artifacts:/1/../../x'],
    ...['http://h/api/2.0/mlflow-artifacts/artifacts/..%2f..', 's3://b/../x', 'mlflow-artifacts://host:9/a%00', './x'],
    ...['FILE:/etc', 'file%3a///etc', 'C:/windows', 'c:\\windows', '\\\\host\\share', '', ' ', 'model', '~/x'],
    ...['s3://b/%252e%252e/x', 'mlflow-artifacts:/a/%25252e%25252e/b', 's3://../x', 's3://b/..', 's3://b/./x'],
    ...['http:///?/../../etc', 's3://b/x#/../y', 's3://b/x?p=../y', 's3://b/x;p', 'mlflow-artifacts:/', 'runs:/../x'],
    ...['models:/', 'models:/a', 'models:/a/b', 'models:/a/1/2', 'models:/a/0', 's3://b/x\u0000', 's3://b/.%2e/x'],
    ...[`s3://b/%${'25'.repeat(20)}2e`, 'x:/y', 's3://b/%ff/%2e%2e/x'],
  ])('refuses %j', (source) => {
    expect(() => readSource(source)).toThrow(/^Invalid model version source/);
  });

  it('never reads a path that leads out of the store, however it is encoded', () => {
    const piece = fc.constantFrom('..', '.', 'a', '%2e', '%252e', '/', '%2f', '%5c', '\\', '?', '#', '%00', ':', '');
    const texts = fc.tuple(
      fc.constantFrom('mlflow-artifacts:/', 'runs:/', 'models:/', 'http://h/api/2.0/mlflow-artifacts/artifacts/', ''),
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(texts, ([scheme, rest]) => {
        let read;
        try {
          read = readSource(scheme + rest);
        } catch (error) {
          expect(error).toMatchObject({ type: 'InvalidInput' });
          return;
        }
        const path = read.kind === 'artifacts' || read.kind === 'run' ? read.path : '';
        expect(path).not.toMatch(/(^|\/)\.\.?(\/|$)|[\\%?#\p{Cc}]|^\//u);
      }),
      { numRuns: 5_000 },
    );
  });
});
