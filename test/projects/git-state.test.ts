import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitState } from '../../projects/git-state.ts';
import { temporaryFolder, writeFiles } from './project-folder.ts';

const IDENTITY = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false'];

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', [...IDENTITY, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** A repository with two committed projects, `a` and `b`. */
function repository(): string {
  const folder = writeFiles(temporaryFolder(), {
    'a/project.yaml': 'project: a\n',
    'a/silver/x.sql': 'SELECT 1\n',
    'b/project.yaml': 'project: b\n',
    '.gitignore': 'ignored*\n',
  });
  git(folder, 'init', '-q');
  git(folder, 'add', '.');
  git(folder, 'commit', '-q', '-m', 'two projects');
  return folder;
}

describe('gitState', () => {
  it('names the commit of a clean folder', async () => {
    const folder = repository();
    const commit = git(folder, 'rev-parse', 'HEAD');
    expect(await gitState(join(folder, 'a'), ['project.yaml', 'silver/x.sql'])).toEqual({ commit, clean: true });
  });

  it('counts the folder only', async () => {
    const folder = repository();
    writeFiles(folder, { 'b/project.yaml': 'project: other\n', 'elsewhere.txt': '' });
    expect((await gitState(join(folder, 'a'))).clean).toBe(true);
    expect((await gitState(join(folder, 'b'))).clean).toBe(false);
  });

  it.each<[string, (folder: string) => void]>([
    ['a changed file', (folder) => writeFileSync(join(folder, 'a/project.yaml'), 'project: c\n')],
    ['a new file', (folder) => writeFileSync(join(folder, 'a/new.sql'), '')],
    ['a staged file', (folder) => (writeFileSync(join(folder, 'a/new.sql'), ''), git(folder, 'add', '.'))],
    ['a removed file', (folder) => git(folder, 'rm', '-q', 'a/silver/x.sql')],
    [
      'a change hidden by assume-unchanged',
      (folder) => (
        git(folder, 'update-index', '--assume-unchanged', 'a/project.yaml'),
        writeFileSync(join(folder, 'a/project.yaml'), 'x')
      ),
    ],
    [
      'a change hidden by skip-worktree',
      (folder) => (
        git(folder, 'update-index', '--skip-worktree', 'a/project.yaml'),
        writeFileSync(join(folder, 'a/project.yaml'), 'x')
      ),
    ],
  ])('sees %s', async (_, change) => {
    const folder = repository();
    change(folder);
    expect((await gitState(join(folder, 'a'))).clean).toBe(false);
  });

  it('does not call a file clean that no commit holds', async () => {
    const folder = repository();
    writeFiles(folder, { 'a/ignored.sql': 'SELECT 2', 'ignored/project.yaml': 'project: ignored' });
    expect((await gitState(join(folder, 'a'), ['project.yaml', 'ignored.sql'])).clean).toBe(false);
    expect((await gitState(join(folder, 'ignored'))).clean).toBe(false);
  });

  it('knows nothing without a repository, and no commit before the first', async () => {
    const folder = writeFiles(temporaryFolder(), { 'project.yaml': '' });
    expect(await gitState(folder)).toEqual({ commit: null, clean: null });
    git(folder, 'init', '-q');
    expect(await gitState(folder)).toEqual({ commit: null, clean: false });
  });

  it('runs nothing that a folder or its name asks for', async () => {
    const folder = temporaryFolder();
    const hostile = join(folder, '--help $(touch pwned) `touch pwned`; *');
    writeFiles(hostile, { 'project.yaml': 'project: a\n' });
    git(hostile, 'init', '-q');
    git(hostile, 'add', '.');
    git(hostile, 'commit', '-q', '-m', 'hostile');
    git(hostile, 'config', 'core.fsmonitor', `touch ${folder}/pwned; false`);
    expect((await gitState(hostile)).clean).toBe(true);
    expect(execFileSync('ls', [folder], { encoding: 'utf8' })).not.toContain('pwned\n');
  });
});
