import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestRegistry, type TestRegistry } from './open-test-registry.ts';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

describe('registerModelVersion', () => {
  it('numbers versions without gaps, per model, once per natural key', async () => {
    expect(await t.register('delays', 'a')).toBe(1);
    expect(await t.register('delays', 'b')).toBe(2);
    expect(await t.register('delays', 'a')).toBe(1);
    expect(await t.register('fares', 'a')).toBe(1);
    expect(await t.registry.modelVersions('delays')).toMatchObject([
      { version: 1, stage: 'None', owner: 'team' },
      { version: 2, stage: 'None' },
    ]);
  });

  it('gives each of two racing pools a number of its own', async () => {
    const other = await openTestRegistry({ folder: t.folder });
    const versions = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? t : other).register('delays', `key ${i}`)),
    );
    await other.close();
    expect([...versions].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('refuses a run that is not there', async () => {
    const onnx = await t.artifacts.putBytes(Buffer.from('x'));
    const input = {
      naturalKey: 'k',
      model: 'delays',
      runId: 'f'.repeat(32),
      onnx,
      description: '',
      tags: {},
      owner: 'o',
    };
    await expect(t.registry.registerModelVersion(input)).rejects.toMatchObject({ type: 'InvalidInput' });
    expect(await t.registry.modelVersions('delays')).toEqual([]);
  });
});

describe('reading versions', () => {
  it('says what there is when asked for what is not there', async () => {
    await expect(t.registry.getModelVersion('delay', 1)).rejects.toThrow('there is no model yet');
    await t.register('delays');
    await t.register('delays');
    await expect(t.registry.getModelVersion('delay', 1)).rejects.toMatchObject({
      type: 'UnknownModel',
      details: { models: ['delays'] },
    });
    await expect(t.registry.getModelVersion('delays', 3)).rejects.toThrow('delays has no version 3; it has 1, 2');
  });

  it('answers for all models what is in Production', async () => {
    expect(await t.registry.productionVersion('delays')).toBeUndefined();
    await t.promoteNew('delays');
    await t.promoteNew('delays');
    await t.promoteNew('fares');
    await t.register('fares');
    expect(await t.registry.productionVersions()).toMatchObject([
      { model: 'delays', version: 2, onnx: { bytes: expect.any(Number) as number } },
      { model: 'fares', version: 1 },
    ]);
    expect(await t.registry.productionVersion('delays')).toMatchObject({ version: 2, tags: { owner: 'team' } });
  });
});

describe('tags and comments', () => {
  it('replaces a tag, keeps others, and writes a comment once', async () => {
    const version = await t.register('delays');
    const named = { model: 'delays', version };
    await t.registry.setTags({ ...named, tags: { risk: 'low', team: 'a' } });
    await t.registry.setTags({ ...named, tags: { risk: 'high' } });
    const comment = { ...named, naturalKey: 'c1', author: 'governance', comment: 'looked at it' };
    await t.registry.addComment(comment);
    await t.registry.addComment(comment);
    const record = await t.registry.getModelVersion('delays', version);
    expect(record.tags).toEqual({ owner: 'team', risk: 'high', team: 'a' });
    expect(record.comments).toMatchObject([{ author: 'governance', comment: 'looked at it' }]);
    const log = await t.registry.activityLog('delays');
    expect(log.map((entry) => entry.action)).toEqual(['CREATED_MODEL', 'REGISTERED_VERSION', 'NEW_COMMENT']);
    await expect(t.registry.setTags({ model: 'delays', version: 9, tags: {} })).rejects.toMatchObject({
      type: 'UnknownModel',
    });
  });
});
