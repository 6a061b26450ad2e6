import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRegistryDatabase, type RegistryDatabase } from '../../registry/database.ts';
import { onPostgres, openTestDatabase, type TestDatabase } from './test-database.ts';

const AT = '2001-03-01T00:00:00.000Z';

let t: TestDatabase;
let other: RegistryDatabase;
beforeEach(async () => {
  t = await openTestDatabase();
  other = openRegistryDatabase({ ...t.location, busyTimeoutMs: 10_000 });
});
afterEach(async () => {
  await other.close();
  await t.close();
});

/** A promise that somebody else settles. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** A write that has begun and stays open until it is let go. */
async function openWrite(db: RegistryDatabase, scope?: string) {
  const begun = gate();
  const end = gate();
  const written = db.write(
    async (trx) => {
      await trx('experiments').insert({ name: `of ${scope ?? 'registry'}`, created_at: AT, updated_at: AT });
      begun.open();
      await end.opened;
    },
    scope === undefined ? {} : { scope },
  );
  await Promise.race([begun.opened, written]);
  return { written, end: end.open };
}

const names = (db: RegistryDatabase): Promise<string[]> =>
  db.read((knex) => knex('experiments').orderBy('id').pluck('name') as Promise<string[]>);

describe('readers', () => {
  it('see what was committed, and wait for no writer', async () => {
    const { written, end } = await openWrite(t.db);
    expect(await Promise.all([names(t.db), names(other)])).toEqual([['Default'], ['Default']]);
    end();
    await written;
    expect(await Promise.all([names(t.db), names(other)])).toEqual(Array(2).fill(['Default', 'of registry']));
  });
});

describe('writers', () => {
  it('of one scope are alone: what they read stays true until they commit', async () => {
    const add = (db: RegistryDatabase): Promise<void> =>
      db.write(
        async (trx) => {
          const row = await trx('experiments').where({ id: 0 }).first<{ name: string }>('name');
          const count = row.name === 'Default' ? 0 : Number(row.name);
          await trx('experiments')
            .where({ id: 0 })
            .update({ name: String(count + 1) });
        },
        { scope: 'run/1' },
      );
    await Promise.all(Array.from({ length: 40 }, (_, i) => add(i % 2 === 0 ? t.db : other)));
    expect(await names(t.db)).toEqual(['40']);
  });

  it.runIf(onPostgres())('of different scopes work side by side', async () => {
    const registry = await openWrite(t.db);
    const run = await openWrite(other, 'run/1');
    await t.db.write((trx) => trx('experiments').insert({ name: 'third', created_at: AT, updated_at: AT }), {
      scope: 'run/2',
    });
    expect(await names(t.db)).toEqual(['Default', 'third']);
    registry.end();
    run.end();
    await Promise.all([registry.written, run.written]);
    expect((await names(t.db)).sort()).toEqual(['Default', 'of registry', 'of run/1', 'third']);
  });
});

describe.runIf(onPostgres())('a server', () => {
  const url = (): string => ('url' in t.location ? t.location.url : '');
  const unavailable = { type: 'RegistryUnavailable', details: { url: expect.any(String) as string } };

  it('that cannot be reached is weather, and the password stays where it is', async () => {
    const nowhere = new URL(url());
    // Nothing listens on port 1.
    nowhere.port = '1';
    nowhere.password = 'geheim';
    const db = openRegistryDatabase({ url: nowhere.href });
    for (const use of [db.migrate(), db.read((knex) => knex('runs').first()), db.write((trx) => trx('runs').first())]) {
      const error: unknown = await use.catch((e: unknown) => e);
      expect(error).toMatchObject(unavailable);
      expect(JSON.stringify(error) + String(error)).not.toContain('geheim');
    }
    await db.close();
  });

  it('that ends a connection is weather: nothing is half done, and the next call works', async () => {
    const cut = async (trx: { raw: (sql: string) => PromiseLike<unknown> }): Promise<number> => {
      const { rows } = (await trx.raw('select pg_backend_pid() as pid')) as { rows: { pid: number }[] };
      return rows[0]?.pid ?? 0;
    };
    const broken = t.db.write(async (trx) => {
      await trx('experiments').insert({ name: 'lost', created_at: AT, updated_at: AT });
      const pid = await cut(trx);
      await other.read((knex) => knex.raw('select pg_terminate_backend(?)', [pid]));
      await trx('experiments').first();
    });
    await expect(broken).rejects.toMatchObject(unavailable);
    expect(await names(t.db)).toEqual(['Default']);
    await t.db.write((trx) => trx('experiments').insert({ name: 'kept', created_at: AT, updated_at: AT }));
    expect(await names(t.db)).toEqual(['Default', 'kept']);
  });

  it('that finds a deadlock lets one of the two go on', async () => {
    const first = gate();
    const second = gate();
    const touch = (id: number) => ({ updated_at: String(id) });
    await t.db.write((trx) => trx('experiments').insert({ name: 'two', created_at: AT, updated_at: AT }));
    const work = (
      db: RegistryDatabase,
      scope: string,
      ids: readonly number[],
      mine: typeof first,
      theirs: typeof first,
    ) =>
      db.write(
        async (trx) => {
          await trx('experiments').where({ id: ids[0] }).update(touch(1));
          mine.open();
          await theirs.opened;
          await trx('experiments').where({ id: ids[1] }).update(touch(2));
        },
        { scope },
      );
    const ended = await Promise.allSettled([
      work(t.db, 'run/1', [0, 1], first, second),
      work(other, 'run/2', [1, 0], second, first),
    ]);
    const lost = ended.filter((one) => one.status === 'rejected');
    expect(lost).toHaveLength(1);
    expect(lost[0]?.reason).toMatchObject(unavailable);
  });

  it('whose lock does not come in time is weather', async () => {
    const impatient = openRegistryDatabase({ url: url(), busyTimeoutMs: 50 });
    const { written, end } = await openWrite(t.db);
    await expect(impatient.write((trx) => trx('runs').first())).rejects.toMatchObject(unavailable);
    end();
    await written;
    await impatient.close();
  });
});
