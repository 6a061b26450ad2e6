import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A clone with nothing installed. Its only package is a stand-in for tsx, on disk, so that npm needs no network. */
async function freshClone(): Promise<string> {
  const root = await temporaryFolder();
  const files = {
    'package.json': JSON.stringify({ name: 'clone', version: '1.0.0', dependencies: { tsx: 'file:./tsx' } }),
    'package-lock.json': JSON.stringify({
      name: 'clone',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': { name: 'clone', version: '1.0.0', dependencies: { tsx: 'file:./tsx' } },
        'node_modules/tsx': { resolved: 'tsx', link: true },
        tsx: { version: '1.0.0' },
      },
    }),
    'tsx/package.json': JSON.stringify({ name: 'tsx', version: '1.0.0', type: 'module', exports: './index.js' }),
    'tsx/index.js': `import { register } from 'node:module'; register(new URL('hooks.js', import.meta.url));`,
    'tsx/hooks.js': `import { readFile } from 'node:fs/promises';
      export const load = async (url, context, next) => url.endsWith('.ts')
        ? { format: 'module', shortCircuit: true, source: await readFile(new URL(url)) } : next(url, context);`,
    'scripts/hello.ts': `console.log(process.argv.slice(2).join('|')); process.exitCode = Number(process.argv[2]);`,
  };
  for (const folder of ['tsx', 'scripts']) await mkdir(join(root, folder));
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  const launcher = fileURLToPath(new URL('../../scripts/launch.mjs', import.meta.url));
  await copyFile(launcher, join(root, 'scripts', 'launch.mjs'));
  return root;
}

function launch(root: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'scripts', 'launch.mjs'), ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

describe('scripts/launch.mjs', () => {
  it('installs once on a fresh clone, also when started twice at once, and keeps arguments and exit code', async () => {
    const root = await freshClone();
    const outcomes = await Promise.all([launch(root, 'hello', '3', 'a b'), launch(root, 'hello', '3', 'a b')]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 3, stdout: '3|a b\n' });
    const installs = outcomes.filter(({ stderr }) => stderr.includes('installing packages (node_modules is missing)'));
    expect(installs).toHaveLength(1);
    expect(await launch(root, 'hello', '0')).toEqual({ code: 0, stdout: '0\n', stderr: '' });
  });

  it('installs again when package-lock.json has changed, not when it was merely touched', async () => {
    const root = await freshClone();
    await launch(root, 'hello', '0');
    const lock = join(root, 'package-lock.json');
    const later = new Date(Date.now() + 60_000);
    await utimes(lock, later, later);
    expect((await launch(root, 'hello', '0')).stderr).toBe('');
    await writeFile(lock, `${await readFile(lock, 'utf8')}\n`);
    await utimes(lock, later, later);
    expect((await launch(root, 'hello', '0')).stderr).toContain('installing packages (package-lock.json has changed)');
  });

  it('says when npm failed and starts nothing', async () => {
    const root = await freshClone();
    await rm(join(root, 'package.json'));
    const { code, stdout, stderr } = await launch(root, 'hello', '0');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/npm ci failed with code \d+/);
  });

  it.each([['nothing'], ['../launch'], []])('refuses what is no script: %s', async (...args) => {
    const { code, stderr } = await launch(await freshClone(), ...args);
    expect(code).toBe(1);
    expect(stderr).toContain('usage: node scripts/launch.mjs <script>');
  });
});
