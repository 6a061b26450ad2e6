import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findProjectFolder, projectNames } from '../../projects/find-project.ts';
import { failureOf, temporaryFolder, writeFiles } from './project-folder.ts';

describe('findProjectFolder', () => {
  it('finds a project in the first root that has it', async () => {
    const first = writeFiles(temporaryFolder(), { 'a/project.yaml': '' });
    const second = writeFiles(temporaryFolder(), { 'a/project.yaml': '', 'b/project.yaml': '', 'c/notes.txt': '' });
    expect(await findProjectFolder('a', [first, second])).toBe(join(first, 'a'));
    expect(await findProjectFolder('b', [first, second])).toBe(join(second, 'b'));
    expect(await projectNames([first, second, join(first, 'missing')])).toEqual(['a', 'b']);
  });

  it('says where it looked, what there is, and what was meant', async () => {
    const root = writeFiles(temporaryFolder(), { 'ice-cream/project.yaml': '', 'hot-dogs/project.yaml': '' });
    const failure = await failureOf(() => findProjectFolder('icecream', [root]));
    expect(failure.type).toBe('UnknownProject');
    expect(failure.message).toBe(
      `no project "icecream": looked for icecream/project.yaml in ${root}; there are hot-dogs, ice-cream; did you mean "ice-cream"?`,
    );
  });

  it('says so when there is none', async () => {
    const failure = await failureOf(() => findProjectFolder('ice-cream', [join(temporaryFolder(), 'missing')]));
    expect(failure.message).toContain('there is none');
  });

  it('lets no name but lower-case words near the file system', async () => {
    const root = writeFiles(temporaryFolder(), { 'ice-cream/project.yaml': '' });
    for (const name of [
      '',
      '..',
      '../ice-cream',
      './ice-cream',
      '/etc',
      'ice-cream/',
      'Ice-Cream',
      'a\0b',
      'x'.repeat(100),
    ]) {
      expect((await failureOf(() => findProjectFolder(name, [root]))).type).toBe('InvalidInput');
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (name) => {
        const failure = await failureOf(() => findProjectFolder(name, [root]));
        expect(['InvalidInput', 'UnknownProject']).toContain(failure.type);
      }),
      { numRuns: 50 },
    );
  });
});
