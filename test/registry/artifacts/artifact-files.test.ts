import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArtifactFiles, type ArtifactFiles } from '../../../registry/artifact-files.ts';
import type { ArtifactRef } from '../../../contracts/references.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

let t: TestRegistry;
let files: ArtifactFiles;
beforeEach(async () => {
  t = await openTestRegistry();
  files = createArtifactFiles({ db: t.db, now: () => new Date('2001-03-01T00:00:00Z') });
});
afterEach(() => t.close());

function content(text: string): Promise<ArtifactRef> {
  return t.artifacts.putBytes(Buffer.from(text));
}

async function put(paths: readonly string[], text = 'abc'): Promise<void> {
  for (const path of paths) await files.put(path, await content(text), 'allowed');
}

describe('paths of artifacts', () => {
  it('names content, replaces it, forgets it', async () => {
    await put(['1/a']);
    expect(await files.get('1/a')).toEqual(await content('abc'));
    await put(['1/a'], 'other');
    expect(await files.get('1/a')).toEqual(await content('other'));
    await files.delete('1/a', 'allowed');
    await files.delete('1/a', 'allowed');
    expect(await files.get('1/a')).toBeUndefined();
    // The content is whose who names it by its digest.
    expect((await t.artifacts.readBytes(await content('other'))).toString()).toBe('other');
  });

  it('lists one level, sorted, folders once', async () => {
    await put(['1/r/b.txt', '1/r/model/MLmodel', '1/r/model/data/x', '1/r/é', '1/r0', '1/s', '1/r!', '2/x']);
    expect(await files.list('1/r')).toEqual([
      { name: 'b.txt', isFolder: false, bytes: 3 },
      { name: 'model', isFolder: true, bytes: 0 },
      { name: 'é', isFolder: false, bytes: 3 },
    ]);
    expect((await files.list('')).map(({ name }) => name)).toEqual(['1', '2']);
    expect((await files.list('1')).map(({ name, isFolder }) => [name, isFolder])).toEqual([
      ['r', true],
      ['r!', false],
      ['r0', false],
      ['s', false],
    ]);
    expect(await files.list('1/r/b.txt')).toEqual([]);
    expect(await files.list('nowhere')).toEqual([]);
  });

  it('counts characters, not their parts, where a folder is named by a rare sign', async () => {
    await put(['1/𝄞é/a', '1/𝄞é/b/c']);
    expect((await files.list('1/𝄞é')).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('forgets a folder with all below, and nothing beside it', async () => {
    await put(['1/r/a', '1/r/b/c', '1/r.txt', '1/r0', '1/%/x', '1/_']);
    await files.delete('1/r', 'allowed');
    await files.delete('1/%', 'allowed');
    await files.delete('1/x%', 'allowed');
    expect((await files.list('1')).map(({ name }) => name)).toEqual(['_', 'r.txt', 'r0']);
  });

  it('keeps a name either a file or a folder', async () => {
    await put(['1/a/b']);
    await expect(put(['1/a'])).rejects.toMatchObject({ type: 'InvalidInput' });
    await expect(put(['1/a/b/c'])).rejects.toMatchObject({ type: 'InvalidInput' });
    expect(await files.get('1/a')).toBeUndefined();
  });
});

describe('where direct changes are refused', () => {
  let root: string;
  beforeEach(async () => {
    const version = await t.registry.getModelVersion('delays', await t.register('delays'));
    root = `1/${version.runId}/artifacts`;
    expect(version.downloadUri).toBe(`mlflow-artifacts:/${root}/model`);
  });

  const refused = { type: 'NotAuthorized' };

  it('keeps the files of the run and of the version as they were judged', async () => {
    await put([`${root}/model/MLmodel`]);
    for (const path of [`${root}/model/MLmodel`, `${root}/model.onnx`]) {
      const [same, other] = [await files.get(path), await content('forged')];
      await expect(files.put(path, other, 'refused')).rejects.toMatchObject(refused);
      await expect(files.delete(path, 'refused')).rejects.toMatchObject(refused);
      // The same content again changes nothing.
      if (same !== undefined) await files.put(path, same, 'refused');
      expect(await files.get(path)).toEqual(same);
    }
    for (const folder of [`${root}/model`, root, root.replace('/artifacts', ''), '1']) {
      await expect(files.delete(folder, 'refused')).rejects.toMatchObject(refused);
    }
  });

  it('adds nothing to a run of a workflow', async () => {
    await expect(files.put(`${root}/notes.txt`, await content('new'), 'refused')).rejects.toMatchObject(refused);
  });

  it('lets a client complete what it registered, until the model file is known', async () => {
    const folder = '2/x/model';
    const version = { model: 'delays', version: 1 };
    const change = { download_uri: `mlflow-artifacts:/${folder}`, onnx_sha256: null };
    await t.db.write((trx) => trx('model_versions').where(version).update(change));
    await files.put(`${folder}/MLmodel`, await content('one'), 'refused');
    await expect(files.put(`${folder}/MLmodel`, await content('two'), 'refused')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('the source of delays version 1') as string,
    });
    await t.db.write((trx) =>
      trx('model_versions')
        .where(version)
        .update({ onnx_sha256: 'a'.repeat(64) }),
    );
    await expect(files.put(`${folder}/extra`, await content('new'), 'refused')).rejects.toMatchObject(refused);
    await files.put('2/x/notes.txt', await content('new'), 'refused');
  });

  it('lets through what belongs to nothing that is judged', async () => {
    const other = `2/${'a'.repeat(32)}/artifacts/x`;
    await files.put(other, await content('one'), 'refused');
    await files.put(other, await content('two'), 'refused');
    await files.delete('2', 'refused');
    expect(await files.get(other)).toBeUndefined();
  });

  it.each([
    'mlflow-artifacts:///2/x//model',
    'mlflow-artifacts:/2/%78/model',
    'mlflow-artifacts:/2/%2578/model',
    'mlflow-artifacts:2/x/model',
    'MLFLOW-ARTIFACTS:/2/x/model',
  ])('finds a version whose folder is spelt %s, and lets a deleted one go', async (uri) => {
    const at = '2/x/model/MLmodel';
    await put([at]);
    const version = { model: 'delays', version: 1 };
    await t.db.write((trx) => trx('model_versions').where(version).update({ download_uri: uri }));
    await expect(files.delete('2/x', 'refused')).rejects.toMatchObject(refused);
    await expect(files.put(at, await content('forged'), 'refused')).rejects.toMatchObject(refused);
    await t.db.write((trx) => trx('model_versions').where(version).update({ deleted_at: '2001-03-02T00:00:00Z' }));
    await files.delete('2/x', 'refused');
  });

  it('changes all of it where they are allowed', async () => {
    await put([`${root}/model.onnx`, `${root}/model/MLmodel`], 'mine');
    await files.delete('1', 'allowed');
    expect(await files.list('')).toEqual([]);
  });
});
