import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureAdminToken, replaceAdminToken } from '../../../registry/identity/admin-token.ts';
import { newToken } from '../../../registry/identity/token-format.ts';
import { bearer, BY, openTestIdentity, type TestIdentity } from './open-test-identity.ts';

let t: TestIdentity;
let folder: string;
let file: string;
beforeEach(async () => {
  t = await openTestIdentity();
  folder = join(t.folder, 'prod');
  file = join(folder, 'admin-token');
});
afterEach(() => t.close());

const start = () => ensureAdminToken({ db: t.db, now: t.now, folder });
const inFile = async () => (await readFile(file, 'utf8')).trim();
const lost = (problem: RegExp) => ({
  state: 'lost',
  file,
  problem: expect.stringMatching(new RegExp(`${problem.source}.*npm run users -- admin-token -e prod`)) as string,
});

describe('the first start', () => {
  it('makes an admin and a token, shown once and kept for its owner only', async () => {
    const first = await start();
    expect(first).toMatchObject({ state: 'created', file, token: await inFile() });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['admin-token']);
    const caller = await t.identity.authenticate(bearer(await inFile()));
    expect([caller.name, caller.may('administer'), caller.may('break-glass')]).toEqual(['admin', true, false]);
    expect(await start()).toEqual({ state: 'present', file });
    expect(await t.actions()).toEqual(['CREATED_USER', 'GRANTED_ROLE', 'CREATED_TOKEN']);
  });

  it('made by several processes at once makes one token, shown by one of them', async () => {
    const states = (await Promise.all([start(), start(), start()])).map((result) => result.state);
    expect(states.sort()).toEqual(['created', 'present', 'present']);
    expect(await t.identity.tokens()).toHaveLength(1);
  });

  it('that died after the file was written is finished by the next', async () => {
    const token = newToken();
    await start().catch(() => undefined);
    await t.db.write(async (trx) => {
      for (const table of ['tokens', 'role_grants', 'principals']) await trx(table).delete();
    });
    await writeFile(file, `${token}\n`, { mode: 0o600 });
    expect(await start()).toEqual({ state: 'created', token, file });
    await t.identity.authenticate(bearer(token));
  });
});

describe('a later start', () => {
  it('makes no second token for a file that is gone, that is empty, or that belongs to another database', async () => {
    await start();
    await rm(file);
    expect(await start()).toEqual(lost(/not there any more/));
    await writeFile(file, '', { mode: 0o600 });
    expect(await start()).toEqual(lost(/holds no token/));
    await writeFile(file, newToken());
    expect(await start()).toEqual(lost(/not one of this database/));
    expect(await t.identity.tokens()).toHaveLength(1);
  });

  it('tells a token that ended, and does not give back what an admin took away', async () => {
    await start();
    const [record] = await t.identity.tokens();
    await t.identity.revokeToken({ id: record?.id ?? '', reason: 'no', by: BY });
    expect(await start()).toEqual(lost(/was revoked/));
    await rm(file);
    expect(await start()).toEqual(lost(/not there/));
  });

  it('tells a token that expired', async () => {
    await start();
    t.advance(366 * 86_400_000);
    expect(await start()).toEqual(lost(/expired/));
  });
});

describe('the owner of the machine', () => {
  it('replaces the token whatever became of it, and the one before ends', async () => {
    await start();
    const before = await inFile();
    await rm(file);
    const { token } = await replaceAdminToken({ db: t.db, now: t.now, folder, by: BY });
    expect(await inFile()).toBe(token);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await start()).toEqual({ state: 'present', file });
    await t.identity.authenticate(bearer(token));
    await expect(t.identity.authenticate(bearer(before))).rejects.toThrow(/replaced/);
  });

  it('keeps the old one when the file cannot be written', async () => {
    await start();
    const before = await inFile();
    const elsewhere = join(file, 'is-no-folder');
    await expect(replaceAdminToken({ db: t.db, now: t.now, folder: elsewhere, by: BY })).rejects.toThrow();
    await t.identity.authenticate(bearer(before));
  });
});
