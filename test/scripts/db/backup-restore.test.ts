import { appendFile, chmod, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryLocation } from '../../../registry/database.ts';
import { backUp } from '../../../scripts/db/backup.ts';
import { sha256Of } from '../../../scripts/db/checksum.ts';
import { restore } from '../../../scripts/db/restore.ts';
import { openTestRegistry, type TestRegistry } from '../../registry/open-test-registry.ts';
import { expectInvariants } from '../../registry/registry-invariants.ts';
import { createTestDatabase, dropTestDatabase, onPostgres, testLocation } from '../../registry/test-database.ts';

const MODEL = 'delays';

let t: TestRegistry;
let folder: string;
let other: string;
let elsewhere: RegistryLocation;
beforeEach(async () => {
  t = await openTestRegistry();
  folder = await mkdtemp(join(tmpdir(), 'backups-'));
  other = await mkdtemp(join(tmpdir(), 'restored-'));
  await createTestDatabase(other, 'empty');
  elsewhere = testLocation(other);
});
afterEach(async () => {
  await t.close();
  await dropTestDatabase(other);
  for (const one of [folder, other]) await rm(one, { recursive: true, force: true });
});

const file = (): string => join(folder, 'backup');

describe('a backup', () => {
  it('of a registry that is written meanwhile is the whole state of one instant', async () => {
    const champion = await t.promoteNew(MODEL);
    let backedUp = false;
    let atWork = (): void => undefined;
    const working = new Promise<void>((resolve) => (atWork = resolve));
    const write = async (): Promise<void> => {
      while (!backedUp) {
        await t.promoteNew(MODEL);
        atWork();
      }
    };
    const log = async (writer: number): Promise<void> => {
      for (let i = 0; !backedUp; i++) {
        await t.db.write((trx) =>
          trx('experiments').insert({ name: `${writer}/${i}`, created_at: '', updated_at: '' }),
        );
      }
    };
    const writing = Promise.all([write(), log(1), log(2)]);
    await working;
    const backup = await backUp(t.location, file()).finally(() => (backedUp = true));
    await writing;
    await t.promoteNew(MODEL);

    expect(backup).toEqual({ file: file(), sha256: await sha256Of(file()) });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).sort()).toEqual(['backup', 'backup.sha256']);
    const restored = await restore({ backup: file(), location: elsewhere, aside: undefined });
    expect(restored).toMatchObject({ waiting: [], auditFault: undefined });

    const copy = await openTestRegistry({ folder: other });
    await expectInvariants(copy.registry, MODEL);
    const log1 = await t.registry.activityLog(MODEL);
    const log2 = await copy.registry.activityLog(MODEL);
    // A beginning of what the original has: nothing of later, no gap.
    expect(log2).toEqual(log1.slice(0, log2.length));
    expect(log2.length).toBeGreaterThan(0);
    expect(log2.length).toBeLessThan(log1.length);
    expect((await copy.registry.productionVersion(MODEL))?.version).toBeGreaterThanOrEqual(champion + 1);
    // Numbers go on where they were, and what only grows still only grows.
    const versions = (await copy.registry.modelVersions(MODEL)).length;
    expect(await copy.register(MODEL, 'after the restore')).toBe(versions + 1);
    await expect(copy.db.write((trx) => trx('activity_log').delete())).rejects.toThrow('append-only');
    await copy.close();
  });

  it('replaces nothing, and leaves nothing half done behind', async () => {
    await writeFile(file(), 'mine');
    await expect(backUp(t.location, file())).rejects.toThrow('is there already');
    expect(await readFile(file(), 'utf8')).toBe('mine');
    const nowhere = 'file' in t.location ? { file: other } : { url: `${t.location.url}_gone` };
    await expect(backUp(nowhere, join(folder, 'second'))).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['backup']);
  });
});

describe('a restore', () => {
  beforeEach(async () => {
    await t.promoteNew(MODEL);
    await backUp(t.location, file());
    await chmod(file(), 0o600);
  });

  it.each([
    ['altered', () => appendFile(file(), 'x'), 'is not what was backed up'],
    ['cut short', () => truncate(file(), 100), 'is not what was backed up'],
    ['without its sha256', () => rm(`${file()}.sha256`), 'there is no'],
    ['that is gone', () => rm(file()), 'there is no'],
  ])('refuses a backup %s', async (_, harm, problem) => {
    await harm();
    const restoring = restore({ backup: file(), location: elsewhere, aside: undefined });
    await expect(restoring).rejects.toThrow(problem);
    expect(await readdir(other)).toEqual([]);
  });

  it('refuses what is no registry, whatever its sha256 says', async () => {
    await writeFile(file(), 'SQLite format 3 or PGDMP, they said');
    await writeFile(`${file()}.sha256`, `${await sha256Of(file())}  backup\n`);
    await expect(restore({ backup: file(), location: elsewhere, aside: undefined })).rejects.toThrow();
    expect(await readdir(other)).toEqual([]);
  });

  it('leaves a registry alone that is there', async () => {
    const version = await t.promoteNew(MODEL);
    const restoring = restore({ backup: file(), location: t.location, aside: undefined });
    await expect(restoring).rejects.toThrow(onPostgres() ? 'tables already' : 'there is a registry already');
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version });
  });

  it.skipIf(onPostgres())('moves a registry aside that nobody has open, and only then', async () => {
    const version = await t.promoteNew(MODEL);
    const aside = join(t.folder, 'aside.sqlite');
    const replacing = () => restore({ backup: file(), location: t.location, aside });
    await expect(replacing()).rejects.toThrow('is in use');
    expect(await t.registry.productionVersion(MODEL)).toMatchObject({ version });

    await t.db.close();
    expect(await replacing()).toMatchObject({ waiting: [], auditFault: undefined });
    const { registry, db } = await openTestRegistry({ folder: t.folder });
    expect(await registry.productionVersion(MODEL)).toMatchObject({ version: version - 1 });
    await db.close();
    expect((await readdir(t.folder)).filter((name) => name.includes('sqlite')).sort()).toEqual([
      'aside.sqlite',
      'registry.sqlite',
    ]);
  });
});
