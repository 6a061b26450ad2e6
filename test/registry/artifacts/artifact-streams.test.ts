import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArtifactStore, type ArtifactStore } from '../../../registry/artifact-store.ts';

const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

let folder: string;
let store: ArtifactStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'artifacts-'));
  store = createArtifactStore({ folder });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Nothing but what was adopted, and no temporary file. */
async function stored(): Promise<string[]> {
  expect(await readdir(join(folder, 'incoming'))).toEqual([]);
  return (await readdir(folder)).filter((name) => name !== 'incoming');
}

describe('putStream', () => {
  it('stores what comes in pieces under the sha256 of the whole', async () => {
    const ref = await store.putStream(Readable.from([Buffer.from('a'), Buffer.from('bc')]), { bytes: 3 });
    expect(ref).toEqual({ uri: `artifact:sha256/${ABC}`, sha256: ABC, bytes: 3 });
    expect(await readFile(store.path(ref), 'utf8')).toBe('abc');
    expect(await stored()).toEqual(['ba']);
  });

  it('stores an empty stream as an empty file', async () => {
    expect((await store.putStream(Readable.from([]))).bytes).toBe(0);
  });

  it('keeps nothing of a stream that fails half-way', async () => {
    const source = Readable.from(
      (function* () {
        yield Buffer.alloc(100_000);
        throw new Error('the sender went away');
      })(),
    );
    await expect(store.putStream(source)).rejects.toThrow('the sender went away');
    expect(await stored()).toEqual([]);
  });

  it('keeps nothing of a stream with another length than said', async () => {
    for (const bytes of [2, 4]) {
      const putting = store.putStream(Readable.from([Buffer.from('abc')]), { bytes });
      await expect(putting).rejects.toMatchObject({
        type: 'InvalidInput',
        message: `expected ${bytes} bytes, found 3; send all of them`,
      });
    }
    expect(await stored()).toEqual([]);
  });

  it('keeps nothing when it is aborted, before it begins or while it writes', async () => {
    const aborter = new AbortController();
    let pieces = 0;
    const endless = new Readable({
      read(size) {
        this.push(Buffer.alloc(size));
        if (++pieces === 10) aborter.abort();
      },
    });
    const { signal } = aborter;
    await expect(store.putStream(endless, { signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(endless.destroyed).toBe(true);
    await expect(store.putStream(Readable.from(['abc']), { signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await stored()).toEqual([]);
  });

  it('tells a full disk by its name, and keeps nothing', async () => {
    const source = new Readable({ read: () => undefined });
    source.push(Buffer.alloc(10));
    // What the file system answers comes out of the pipeline as any stream's error does.
    source.destroy(Object.assign(new Error('write'), { code: 'ENOSPC' }));
    await expect(store.putStream(source)).rejects.toMatchObject({ type: 'ArtifactStoreFull' });
    expect(await stored()).toEqual([]);
  });
});

describe('readStream', () => {
  it('brings the content', async () => {
    const content = Buffer.alloc(300_000, 'superstep');
    const pieces: Buffer[] = [];
    for await (const piece of await store.readStream(await store.putBytes(content))) pieces.push(piece as Buffer);
    expect(pieces.length).toBeGreaterThan(1);
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    expect(await (await store.readStream(await store.putBytes(Buffer.alloc(0)))).toArray()).toEqual([]);
  });

  it('fails before its end when a byte was changed, wherever', async () => {
    const content = Buffer.alloc(300_000, 'superstep');
    const ref = await store.putBytes(content);
    await chmod(store.path(ref), 0o644);
    for (const place of [0, content.length - 1]) {
      const damaged = Buffer.from(content);
      damaged[place] = 0;
      await writeFile(store.path(ref), damaged);
      let received = 0;
      const reading = (async () => {
        for await (const piece of await store.readStream(ref)) received += (piece as Buffer).byteLength;
      })();
      await expect(reading).rejects.toMatchObject({ type: 'ChecksumMismatch' });
      expect(received).toBeLessThan(content.length);
    }
  });

  it('refuses a missing file and another size before the first byte', async () => {
    const ref = await store.putBytes(Buffer.from('abc'));
    await expect(store.readStream({ ...ref, bytes: 4 })).rejects.toMatchObject({ type: 'ChecksumMismatch' });
    await rm(store.path(ref));
    await expect(store.readStream(ref)).rejects.toMatchObject({
      type: 'ChecksumMismatch',
      details: { found: 'no file' },
    });
  });
});
