import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestRegistry } from '../../registry/open-test-registry.ts';
import { createTestDatabase, dropTestDatabase, testLocation } from '../../registry/test-database.ts';
import { runScript, type RanScript } from '../run-script.ts';

let homes: readonly string[];
/** Where an environment's registry is to be; each on a home of its own. */
let folder: string;
let other: string;
beforeEach(async () => {
  homes = [await mkdtemp(join(tmpdir(), 'db-cli-')), await mkdtemp(join(tmpdir(), 'db-cli-'))];
  [folder = '', other = ''] = homes.map((home) => join(home, 'prod'));
  for (const prod of [folder, other]) {
    await mkdir(prod);
    await createTestDatabase(prod, 'empty');
  }
});
afterEach(async () => {
  for (const prod of [folder, other]) await dropTestDatabase(prod);
  for (const home of homes) await rm(home, { recursive: true, force: true });
});

function db(prod: string, ...args: readonly string[]): Promise<RanScript> {
  const location = testLocation(prod);
  // An address must have its environment somewhere in it.
  const url = 'url' in location ? `${location.url}?application_name=test-{environment}` : '';
  return runScript('db', args, { SUPERSTEP_HOME: join(prod, '..'), SUPERSTEP_REGISTRY_URL: url });
}

describe('npm run db', () => {
  it('says which migrations wait, applies them, backs up and restores', async () => {
    const location = testLocation(folder);
    if ('file' in location) await writeFile(location.file, '');
    const before = await db(folder, 'status');
    expect(before).toMatchObject({ code: 0, stderr: '' });
    const waiting = [...before.stdout.matchAll(/^ {2}waits {2}(\S+)$/gm)].map(([, name]) => name);
    expect(waiting[0]).toMatch(/^0001/);
    expect(before.stdout).not.toContain('  has  ');
    expect((await db(folder, 'migrate')).stdout).toContain(`was brought up to date: ${waiting.join(', ')}`);
    expect((await db(folder, 'migrate')).stdout).toContain('is up to date');
    const after = await db(folder, 'status');
    expect([...after.stdout.matchAll(/^ {2}has {4}(\S+)$/gm)].map(([, name]) => name)).toEqual(waiting);

    const t = await openTestRegistry({ folder });
    await t.promoteNew('delays');
    await t.close();
    const file = join(folder, '..', 'kept', 'prod.backup');
    const backedUp = await db(folder, 'backup', file);
    expect(backedUp).toMatchObject({ code: 0, stderr: '' });
    expect(backedUp.stdout).toContain(file);
    const again = await db(folder, 'backup', file);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining(file)]);

    const restored = await db(other, 'restore', file);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toMatch(/audit of \d+ rows: its chain holds/);
    const copy = await openTestRegistry({ folder: other });
    expect(await copy.registry.productionVersion('delays')).toMatchObject({ version: 1 });
    await copy.close();
    expect(await db(other, 'restore', file)).toMatchObject({ code: 1 });
  });

  it('ends with 1 where there is no registry, and for a word that it does not know', async () => {
    const none = await runScript('db', ['status', '-n', 'dev'], { SUPERSTEP_HOME: join(folder, '..') });
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('there is no registry')]);
    expect(await db(folder, 'look')).toMatchObject({ code: 1 });
    expect(await db(folder, '--help')).toMatchObject({ code: 0 });
  });
});
