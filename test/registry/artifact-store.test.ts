import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArtifactStore, type ArtifactStore } from '../../registry/artifact-store.ts';

const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

let folder: string;
let store: ArtifactStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'artifacts-'));
  store = createArtifactStore({ folder: join(folder, 'store') });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('putting', () => {
  it('names content by its sha256, whether it comes as bytes or as a file', async () => {
    const ref = await store.putBytes(Buffer.from('abc'));
    expect(ref).toEqual({ uri: `artifact:sha256/${ABC}`, sha256: ABC, bytes: 3 });
    expect(store.path(ref)).toBe(join(folder, 'store', 'ba', ABC));
    await writeFile(join(folder, 'source'), 'abc');
    expect(await store.putFile(join(folder, 'source'))).toEqual(ref);
    expect(await readFile(join(folder, 'source'), 'utf8')).toBe('abc');
    expect(await readdir(join(folder, 'store', 'incoming'))).toEqual([]);
  });

  it('moves a scratch file, also when the content is there already', async () => {
    for (const name of ['one', 'two']) {
      await writeFile(join(folder, name), 'abc');
      const ref = await store.putFile(join(folder, name), { move: true });
      expect((await store.readBytes(ref)).toString()).toBe('abc');
    }
    expect(await readdir(folder)).toEqual(['store']);
  });

  it('leaves files that nobody can write to, and heals a damaged one', async () => {
    const ref = await store.putBytes(Buffer.from('abc'));
    expect((await stat(store.path(ref))).mode & 0o777).toBe(0o444);
    await chmod(store.path(ref), 0o644);
    await writeFile(store.path(ref), 'abd');
    await store.putBytes(Buffer.from('abc'));
    await store.verify(ref);
  });

  it('takes the same content from many at once', async () => {
    const refs = await Promise.all(Array.from({ length: 20 }, () => store.putJson({ b: 1, a: 2 })));
    expect(new Set(refs.map((ref) => ref.uri)).size).toBe(1);
    expect(await store.readJson(refs[0] ?? fail())).toEqual({ a: 2, b: 1 });
  });

  it('leaves nothing behind when the source is missing, and fails no one but the caller', async () => {
    // The missing file may be noticed before or after the target is open: many at once see both.
    const missing = Array.from({ length: 50 }, () => store.putFile(join(folder, 'nowhere')));
    for (const one of await Promise.allSettled(missing))
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'ENOENT' } });
    expect(await readdir(join(folder, 'store', 'incoming'))).toEqual([]);
  });
});

describe('reading', () => {
  it('refuses content that is not what the reference says', async () => {
    const ref = await store.putBytes(Buffer.from('abc'));
    await chmod(store.path(ref), 0o644);
    await writeFile(store.path(ref), 'abd');
    const expected = { type: 'ChecksumMismatch', details: { path: store.path(ref) } };
    await expect(store.readBytes(ref)).rejects.toMatchObject(expected);
    await expect(store.verify(ref)).rejects.toMatchObject(expected);
    await expect(store.verify({ ...ref, bytes: 4 })).rejects.toMatchObject(expected);
    await rm(store.path(ref));
    await expect(store.readJson(ref)).rejects.toMatchObject({
      type: 'ChecksumMismatch',
      details: { found: 'no file' },
    });
    expect(await store.has(ref.sha256)).toBe(false);
  });

  it('refuses references that could lead out of the store', () => {
    const sha256 = '../../etc/passwd';
    expect(() => store.path({ uri: `artifact:sha256/${sha256}`, sha256, bytes: 1 })).toThrow('is no artifact');
    expect(() => store.path({ uri: 'file:///etc/passwd', sha256: ABC, bytes: 1 })).toThrow('is no artifact');
  });
});

function fail(): never {
  throw new Error('nothing was stored');
}
