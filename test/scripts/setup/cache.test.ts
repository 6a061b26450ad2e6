import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  cacheFolder,
  checkKept,
  digestFile,
  keep,
  sha256OfFile,
  withTemporaryFolder,
} from '../../../scripts/setup/cache.ts';
import { temporaryFolder } from '../temporary-folder.ts';

// From FIPS 180-4's examples: SHA-256 of "abc".
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

async function obtain(folder: string): Promise<{ obtained: string; kept: string }> {
  const obtained = join(folder, 'obtained');
  await writeFile(obtained, 'abc');
  return { obtained, kept: join(folder, 'parts', '1.0', 'part') };
}

describe('the cache of native parts', () => {
  it('follows XDG_CACHE_HOME', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/caches' })).toBe('/caches/superstep');
    expect(cacheFolder({})).toMatch(/\.cache\/superstep$/);
  });

  it('keeps a file with its digest beside it, in the form of sha256sum', async () => {
    const { obtained, kept } = await obtain(await temporaryFolder());
    await keep(obtained, kept, undefined);
    expect(await readFile(digestFile(kept), 'utf8')).toBe(`${ABC}  part\n`);
    expect(await checkKept(kept, undefined)).toBe('intact');
    expect(await readdir(join(kept, '..'))).toEqual(['part', 'part.sha256']);
  });

  it('notices a damaged file, a missing one and one that nothing is known about', async () => {
    const { obtained, kept } = await obtain(await temporaryFolder());
    expect(await checkKept(kept, ABC)).toBe('missing');
    await keep(obtained, kept, ABC);
    await writeFile(kept, 'abd');
    expect(await checkKept(kept, undefined)).toBe('damaged');
    expect(await checkKept(kept, ABC)).toBe('damaged');
    const other = join(kept, '..', 'other');
    await writeFile(other, 'abc');
    expect(await checkKept(other, undefined)).toBe('unrecorded');
    expect(await checkKept(other, ABC)).toBe('intact');
  });

  it('refuses another build than the pinned one and keeps nothing of it', async () => {
    const { obtained, kept } = await obtain(await temporaryFolder());
    await expect(keep(obtained, kept, '0'.repeat(64))).rejects.toThrow(/pinned: it is another build/);
    expect(await checkKept(kept, undefined)).toBe('missing');
  });

  it('removes its temporary folder also when the work fails', async () => {
    const cache = await temporaryFolder();
    const failing = withTemporaryFolder(cache, async (folder) => {
      await mkdir(join(folder, 'inside'));
      throw new Error('half way');
    });
    await expect(failing).rejects.toThrow('half way');
    expect(await readdir(cache)).toEqual([]);
  });

  it('hashes files larger than a read', async () => {
    const file = join(await temporaryFolder(), 'million');
    await writeFile(file, 'a'.repeat(1_000_000));
    // NIST's long test vector: one million times "a".
    expect(await sha256OfFile(file)).toBe('cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
  });
});
