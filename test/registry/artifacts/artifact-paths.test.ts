import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanArtifactPath, cleanFilePath, pathAndFolders } from '../../../registry/artifact-paths.ts';

describe('cleanArtifactPath', () => {
  it.each([
    ['1/abc/artifacts/model/model.onnx', '1/abc/artifacts/model/model.onnx'],
    ['', ''],
    ['a//b/', 'a/b'],
    ['a%20b', 'a b'],
    ['a%2fb', 'a/b'],
    ['100%', '100%'],
    ['100%25', '100%'],
    ['50%zz', '50%zz'],
    ['....', '....'],
    ['..a/.b', '..a/.b'],
    ['val/é 漢', 'val/é 漢'],
    ['%C3%A9', 'é'],
    ['auc:b', 'auc:b'],
    ['a?b', 'a?b'],
  ])('takes %j for %j', (path, clean) => {
    expect(cleanArtifactPath(path)).toBe(clean);
  });

  // Golden lines 240-246, and what the published holes of MLflow add (reference, section 2.5).
  it.each([
    ...['../..', '..%2f..%2fetc/passwd', '%2e%2e/%2e%2e/etc/passwd', '..%252f..%252fetc/passwd', 'C:\\win', 'C:%5Cwin'],
    ...['a#b', 'a%23b', 'a%2523b', '/etc/passwd', '//etc', '%2fetc', 'C:/windows', 'c:', 'file:///etc', 'FILE%3A/etc'],
    ...['a/../b', 'a/..', '..', '.', './a', 'a/./b', 'a/.. /b', 'a\\..\\b', 'a%00', 'a\u0000', 'a\nb', 'a%0ab', '%7f'],
    ...['\ud800', 'a/%252E%252E/b', `a/%${'25'.repeat(11)}2e/b`, ' C:/x'],
  ])('refuses %j', (path) => {
    expect(() => cleanArtifactPath(path)).toThrow(/^Invalid path/);
  });

  it('refuses long names and long paths', () => {
    for (const path of ['a'.repeat(256), 'é'.repeat(128), 'ab/'.repeat(700), '%61'.repeat(100_000)]) {
      expect(() => cleanArtifactPath(path)).toThrow(/^Invalid path/);
    }
    expect(cleanArtifactPath('a'.repeat(255))).toHaveLength(255);
  });

  it('gives only paths that stay below the root and that nobody decodes any further', () => {
    const piece = fc.constantFrom(
      ...['..', '.', 'a', '%2e', '%252e', '/', '%2f', '%252f', '%5c', '\\', '?', '#', '%00', ':', '%', '%25', 'c', ' '],
      ...['%c0%ae', '%ff', '\u202e', 'é'],
    );
    const paths = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(paths, (path) => {
        let clean;
        try {
          clean = cleanArtifactPath(path);
        } catch (error) {
          expect(error).toMatchObject({ type: 'InvalidInput' });
          return;
        }
        expect(posix.join('/root', clean)).toBe(clean === '' ? '/root' : `/root/${clean}`);
        expect(cleanArtifactPath(clean)).toBe(clean);
        expect(clean).not.toMatch(/%[0-9a-f]{2}|[\\#]|\p{Cc}/iu);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('cleanFilePath', () => {
  it('refuses what names no file', () => {
    for (const path of ['', 'a/', 'a%2F']) expect(() => cleanFilePath(path)).toThrow('it names no file');
    expect(cleanFilePath('a/b')).toBe('a/b');
  });
});

describe('pathAndFolders', () => {
  it('lists them from the root on', () => {
    expect(pathAndFolders('a/b/c')).toEqual(['a', 'a/b', 'a/b/c']);
  });
});
