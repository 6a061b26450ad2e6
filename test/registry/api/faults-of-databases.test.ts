import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knexFactory from 'knex';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openRegistryDatabase } from '../../../registry/database.ts';
import { findPostgres, startPostgres } from '../../../scripts/dev-server/postgres-server.ts';
import { onPostgres } from '../test-database.ts';
import { callMlflow } from './call-mlflow.ts';
import { openGoldenServer } from './open-golden-server.ts';

type Server = Awaited<ReturnType<typeof openGoldenServer>>;
const BY = { name: 'admin', proof: 'token' } as const;
const AWAY = { status: 503, code: 'TEMPORARILY_UNAVAILABLE', retryAfter: '1' };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(...options: Parameters<typeof openGoldenServer>): Promise<Server> {
  const server = await openGoldenServer(...options);
  closers.push(server.close);
  return server;
}

const makeModel = ({ port }: Server, name: string, token?: string) =>
  callMlflow(port, 'POST', 'registered-models/create', { name }, token);
const findModel = ({ port }: Server, name: string, token?: string) =>
  callMlflow(port, 'GET', `registered-models/get?name=${name}`, {}, token);

async function scientistsToken({ identity }: Server): Promise<string> {
  await identity.addPrincipal({ name: 'scientist', kind: 'user', by: BY });
  await identity.grantRole({ principal: 'scientist', role: 'contributor', by: BY });
  return (await identity.createToken({ principal: 'scientist', label: 'laptop', days: 1, by: BY })).token;
}

// On PostgreSQL a held row is no held database: test/registry/database.test.ts has its locks.
describe.skipIf(onPostgres())('a database file', () => {
  it('held by another process keeps writers out, not readers, and works again when it can', async () => {
    const server = await open('by token', { busyTimeoutMs: 300 });
    if (!('file' in server.location)) throw new Error('expected a file');
    const token = await scientistsToken(server);
    const connection = { filename: server.location.file };
    const other = knexFactory({ client: 'sqlite3', connection, useNullAsDefault: true });
    const holding = await other.transaction();
    await holding.raw('delete from experiment_tags where 1 = 0');
    // Nobody waits for the note that the token was used, which is held too.
    const read = Array.from({ length: 8 }, () =>
      callMlflow(server.port, 'GET', 'experiments/get?experiment_id=0', {}, token),
    );
    expect((await Promise.all(read)).map(({ status }) => status)).toEqual(read.map(() => 200));
    const written = await Promise.all(['a', 'b', 'c'].map((name) => makeModel(server, name, token)));
    for (const answer of written) expect(answer).toMatchObject(AWAY);
    await holding.rollback();
    await other.destroy();
    // What was refused left nothing behind: the name is free.
    await vi.waitFor(async () => expect((await makeModel(server, 'a', token)).status).toBe(200), 30_000);
    expect(await findModel(server, 'b', token)).toMatchObject({ status: 404, code: 'RESOURCE_DOES_NOT_EXIST' });
    expect(server.bugs).toEqual([]);
  });

  it('on a full disk refuses what needs room, whole, and takes it when there is some', async () => {
    const server = await open();
    const limit = (pages: number) => server.db.write((trx) => trx.raw(`pragma max_page_count = ${pages}`));
    await limit(1);
    const description = 'x'.repeat(200_000);
    const fill = () => callMlflow(server.port, 'POST', 'registered-models/create', { name: 'large', description });
    expect(await fill()).toMatchObject(AWAY);
    expect(await findModel(server, 'large')).toMatchObject({ status: 404 });
    await limit(1_000_000);
    expect((await fill()).status).toBe(200);
    expect(server.bugs).toEqual([]);
  });
});

const postgres = findPostgres();

describe.runIf(onPostgres() && 'programs' in postgres)('a PostgreSQL that stops', () => {
  it('is weather while it is away; afterwards all is there that was answered, and the next calls work', async () => {
    const own = await startPostgres('programs' in postgres ? postgres.programs : '', ['fsync=off']);
    closers.push(own.stop);
    const folder = await mkdtemp(join(tmpdir(), 'registry-'));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const location = { url: own.url };
    const db = openRegistryDatabase(location);
    await db.migrate();
    const server = await open('by token', { database: { db, location, folder, close: db.close } });
    const token = await scientistsToken(server);
    // As many at once as there are connections, and more; the server goes away under them.
    const names = Array.from({ length: 60 }, (_, i) => `model-${i}`);
    const sent = names.map((name) => makeModel(server, name, token));
    await sent[0];
    await own.restart(async () => {
      const answers = await Promise.all([makeModel(server, 'late', token), findModel(server, 'model-0', token)]);
      for (const answer of answers) expect(answer).toMatchObject(AWAY);
    });
    const answers = await Promise.all(sent);
    for (const { status } of answers) expect([200, 503]).toContain(status);
    await vi.waitFor(async () => expect((await makeModel(server, 'again', token)).status).toBe(200), 30_000);
    for (const [i, name] of names.entries()) {
      if (answers[i]?.status === 200) expect((await findModel(server, name, token)).status, name).toBe(200);
    }
    expect((await findModel(server, 'late', token)).status).toBe(404);
    expect(server.bugs).toEqual([]);
  });
});
