import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tryLock, withLock } from '../../../scripts/setup/lock.ts';
import { temporaryFolder } from '../temporary-folder.ts';

describe('the lock file', () => {
  it('lets one in at a time', async () => {
    const folder = await temporaryFolder();
    const counter = join(folder, 'counter');
    await writeFile(counter, '0');
    let inside = 0;
    const increment = (): Promise<void> =>
      withLock(
        join(folder, 'lock'),
        () => undefined,
        async () => {
          inside += 1;
          expect(inside).toBe(1);
          const before = Number(await readFile(counter, 'utf8'));
          await writeFile(counter, String(before + 1));
          inside -= 1;
        },
      );
    await Promise.all(Array.from({ length: 5 }, increment));
    expect(await readFile(counter, 'utf8')).toBe('5');
    expect(await readdir(folder)).toEqual(['counter']);
  });

  it('names the living process that holds it', async () => {
    const path = join(await temporaryFolder(), 'lock');
    const release = await tryLock(path);
    expect(await tryLock(path)).toEqual({ heldBy: process.pid });
    if (typeof release === 'function') await release();
    expect(typeof (await tryLock(path))).toBe('function');
  });

  it('is taken over from a process that died', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'lock');
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    await writeFile(path, JSON.stringify({ pid, host: hostname(), token: 'dead' }));
    const release = await tryLock(path);
    expect(typeof release).toBe('function');
    if (typeof release === 'function') await release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is given back when the work fails', async () => {
    const path = join(await temporaryFolder(), 'lock');
    const failing = withLock(
      path,
      () => undefined,
      () => Promise.reject(new Error('half way')),
    );
    await expect(failing).rejects.toThrow('half way');
    expect(typeof (await tryLock(path))).toBe('function');
  });
});
