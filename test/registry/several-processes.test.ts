import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRegistryDatabase } from '../../registry/database.ts';
import { childProcesses, type Work } from './child-processes.ts';
import { openTestRegistry } from './open-test-registry.ts';
import { expectInvariants } from './registry-invariants.ts';

const MODEL = 'delays';

const { folder, start: begin } = childProcesses(join(import.meta.dirname, 'registry-process.ts'));
const start = (what: string, name: string, count = 0): Work => begin(what, name, String(count));

describe('several processes on one registry', () => {
  it('migrate a new one together, and give each version a number of its own', async () => {
    const workers = ['a', 'b', 'c'].map((name) => start('register', name, 20));
    expect(await Promise.all(workers.map((worker) => worker.ended))).toEqual([0, 0, 0]);
    const versions = workers.flatMap((worker) => worker.lines.map(Number)).sort((x, y) => x - y);
    expect(versions).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  it('promote and roll back against each other; one is killed, and nothing is left half done', async () => {
    const workers = ['a', 'b', 'c'].map((name) => start('contend', name, 12));
    await workers[2]?.said(3);
    workers[2]?.child.kill('SIGKILL');
    expect(await Promise.all(workers.map((worker) => worker.ended))).toEqual([0, 0, 'SIGKILL']);
    const outcomes = workers.flatMap((worker) => worker.lines);
    expect(outcomes).toContain('promoted');

    const t = await openTestRegistry({ folder: folder() });
    await expectInvariants(t.registry, MODEL);
    const next = await t.promoteNew(MODEL);
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version: next });
    await t.close();
  });
});

describe('a process that stops in the middle of a transaction', () => {
  it('makes others wait and then say so; its death undoes its half', async () => {
    const t = await openTestRegistry({ folder: folder(), busyTimeoutMs: 200 });
    const champion = await t.promoteNew(MODEL);
    const stopped = start('hang', 'zombie');
    await stopped.said(1);
    expect(stopped.lines).toEqual(['in the middle']);

    await expect(t.register(MODEL)).rejects.toMatchObject({
      type: 'RegistryUnavailable',
      details: t.location,
    });
    // Readers, such as an endpoint that polls, do not notice.
    expect(await t.registry.productionVersions()).toMatchObject([{ version: champion }]);

    stopped.child.kill('SIGKILL');
    expect(await stopped.ended).toBe('SIGKILL');
    expect(await t.promoteNew(MODEL)).toBe(champion + 1);
    await expectInvariants(t.registry, MODEL);
    await t.close();
  });
});

describe('a file that cannot be opened', () => {
  it('is weather, not a fault', async () => {
    const nowhere = openRegistryDatabase({ file: join(folder(), 'no', 'registry.sqlite') });
    await expect(nowhere.migrate()).rejects.toMatchObject({ type: 'RegistryUnavailable' });
    await nowhere.close();
  });
});

describe('a transaction that fails', () => {
  it('leaves nothing behind, and the next one works', async () => {
    const t = await openTestRegistry({ folder: folder() });
    await t.register(MODEL);
    const broken = t.db.write(async (trx) => {
      await trx('model_versions').update({ stage: 'Production' });
      throw new Error('power cut');
    });
    await expect(broken).rejects.toThrow('power cut');
    expect((await t.registry.getModelVersion(MODEL, 1)).stage).toBe('None');
    expect(await t.promoteNew(MODEL)).toBe(2);
    await t.close();
  });
});
