import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveSourceFiles } from '../../projects/source-files.ts';
import { failureOf, temporaryFolder, writeFiles } from './project-folder.ts';

function sources(): string {
  return writeFiles(temporaryFolder(), {
    'project/data/b.csv': '',
    'project/data/a.csv': '',
    'project/data/a10.csv': '',
    'project/data/.hidden.csv': '',
    'project/data/notes.txt': '',
    'project/data/deep.csv/inner.csv': '',
    'project/node_modules/shy/package.json': '{"name":"shy","exports":{".":"./index.js"}}',
    'project/node_modules/shy/data/rows.csv': '',
    'project/node_modules/@a/b/package.json': '{"name":"@a/b"}',
    'project/node_modules/@a/b/rows.csv': '',
    'outside.csv': '',
  });
}

describe('resolveSourceFiles', () => {
  it.each<[string, string[]]>([
    ['data/a.csv', ['data/a.csv']],
    ['./data/../data/a.csv', ['data/a.csv']],
    ['data/*.csv', ['data/a.csv', 'data/a10.csv', 'data/b.csv']],
    ['data/?.csv', ['data/a.csv', 'data/b.csv']],
    ['data/a*.c*v', ['data/a.csv', 'data/a10.csv']],
    ['data/.*.csv', ['data/.hidden.csv']],
    ['../outside.csv', ['../outside.csv']],
    ['npm:shy/data/rows.csv', ['node_modules/shy/data/rows.csv']],
    ['npm:shy/data/*.csv', ['node_modules/shy/data/rows.csv']],
    ['npm:@a/b/rows.csv', ['node_modules/@a/b/rows.csv']],
  ])('finds %s', async (path, expected) => {
    const project = join(sources(), 'project');
    expect(await resolveSourceFiles(path, project)).toEqual(expected.map((file) => join(project, file)));
  });

  it('takes absolute paths', async () => {
    const folder = sources();
    const file = join(folder, 'outside.csv');
    expect(await resolveSourceFiles(file, join(folder, 'project'))).toEqual([file]);
  });

  it("finds a package beside Superstep from anywhere, and the project's own first", async () => {
    const project = join(sources(), 'project');
    const path = 'npm:vega-datasets/data/flights-3m.parquet';
    const [file] = await resolveSourceFiles(path, project);
    expect(file).toMatch(/node_modules\/vega-datasets\/data\/flights-3m\.parquet$/);
    const own = 'node_modules/vega-datasets';
    writeFiles(project, { [`${own}/package.json`]: '{}', [`${own}/data/flights-3m.parquet`]: '' });
    expect(await resolveSourceFiles(path, project)).toEqual([join(project, own, 'data/flights-3m.parquet')]);
  });

  it.each([
    ['data/c.csv', 'no such file; looked for'],
    ['data/c*.csv', 'no such file; looked for'],
    ['data', 'no such file; looked for'],
    ['npm:shy/data/none.csv', 'node_modules/shy/data/none.csv'],
    ['npm:no-such-package-here/x.csv', 'install it (npm install no-such-package-here)'],
  ])('says where it looked for %s, and that it may still come', async (path, expected) => {
    const failure = await failureOf(() => resolveSourceFiles(path, join(sources(), 'project')));
    expect(failure.type).toBe('SourceUnavailable');
    expect(failure.message).toContain(expected);
  });

  it.each([
    ['npm:shy', '"npm:<package>/<file>"'],
    ['npm:../../x', '"npm:<package>/<file>"'],
    ['npm:shy/../b.csv', 'without "." and ".."'],
    ['npm:shy/data/../../b.csv', 'without "." and ".."'],
    ['*/a.csv', '"*" and "?" in the last part of the path only'],
    ['data/**/a.csv', '"*" and "?" in the last part of the path only'],
    ['data/a\0.csv', 'without NUL'],
  ])('refuses %j', async (path, expected) => {
    const failure = await failureOf(() => resolveSourceFiles(path, join(sources(), 'project')));
    expect(failure.type).toBe('InvalidProject');
    expect(failure.message).toContain(expected);
  });

  it('refuses a link that leads out of a package', async () => {
    const folder = sources();
    const link = join(folder, 'project/node_modules/shy/data/rows.csv');
    rmSync(link);
    symlinkSync(join(folder, 'outside.csv'), link);
    const failure = await failureOf(() => resolveSourceFiles('npm:shy/data/*.csv', join(folder, 'project')));
    expect(failure.type).toBe('InvalidProject');
    expect(failure.message).toContain('is a link to');
  });
});
