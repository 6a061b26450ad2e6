import fc from 'fast-check';
import knexFactory from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeActivity } from '../../../registry/activity-log.ts';
import { streamRows } from '../../../registry/audit/rows.ts';
import { verifyChain } from '../../../registry/audit/verification.ts';
import type { RegistryDatabase } from '../../../registry/database.ts';
import { MIGRATIONS } from '../../../registry/migrations/all.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';
import { liftAppendOnly } from '../test-database.ts';

const AT = '2001-03-01T00:00:00.000Z';

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

const verify = (db: RegistryDatabase) => verifyChain(streamRows(db), []);

describe('the audit as the registry writes it', () => {
  it('is one whole chain over models, gates and decisions', async () => {
    await t.promoteNew('delays');
    await t.promoteNew('fares');
    await t.promoteNew('delays');
    const found = await verify(t.db);
    expect(found.fault).toBeUndefined();
    expect(found.rows).toBeGreaterThan(15);
    const all = await t.registry.activitiesAfter(0, 1000);
    expect(all.map((row) => row.sequence)).toEqual(all.map((_, i) => i + 1));
    expect(await t.registry.activitiesAfter(3, 2)).toEqual(all.slice(3, 5));
    expect(await t.registry.activityLog('fares')).toEqual(all.filter((row) => row.model === 'fares'));
  });

  it('stays whole when many write at once', async () => {
    const write = (by: string) => t.db.write((trx) => writeActivity(trx, { at: AT, action: 'CREATED_USER', by }));
    await Promise.all(Array.from({ length: 30 }, (_, i) => write(`admin-${i}`)));
    expect(await verify(t.db)).toMatchObject({ rows: 30, end: { sequence: 30 } });
  });

  it('gives a number back that a failed transaction had taken', async () => {
    const failing = t.db.write(async (trx) => {
      await writeActivity(trx, { at: AT, action: 'CREATED_USER', by: 'admin' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await t.register('delays');
    expect(await verify(t.db)).toMatchObject({ rows: 2 });
    expect((await verify(t.db)).fault).toBeUndefined();
  });

  it('hashes what the database gives back, whatever texts it is told', async () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));
    const text = fc.oneof(units, fc.string({ unit: 'binary' }), fc.constantFrom('\0', '\ud800', 'a\0b', "'; --"));
    await fc.assert(
      fc.asyncProperty(text, text, fc.dictionary(text, text), async (by, comment, details) => {
        const prototype = Object.hasOwn(details, '__proto__');
        fc.pre(!prototype);
        await t.db.write((trx) => writeActivity(trx, { at: AT, action: 'NEW_COMMENT', by, comment, details }));
        const { rows, fault } = await verify(t.db);
        expect(fault).toBeUndefined();
        const [last] = await t.registry.activitiesAfter(rows - 1, 1);
        if (!/[\0\p{Cs}]/u.test(by)) expect(last?.by).toBe(by);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps how an act was proved, by which run, and what else there is to know', async () => {
    const details = { role: 'viewer', of: ['a', { b: 1 }] };
    const act = { at: AT, action: 'GRANTED_ROLE', by: 'admin', proof: 'token', workflowRunId: 'run', details } as const;
    await t.db.write((trx) => writeActivity(trx, act));
    await t.db.write((trx) => writeActivity(trx, { at: AT, action: 'CREATED_USER', by: 'admin' }));
    const [first, second] = await t.registry.activityLog('');
    expect(first).toEqual({
      ...act,
      sequence: 1,
      model: '',
      version: 0,
      fromStage: null,
      toStage: null,
      comment: '',
      evidenceDigest: null,
      workflowId: null,
    });
    expect(second).toMatchObject({ proof: 'claimed', workflowRunId: null, details: null });
  });
});

describe('the hand of somebody who owns the database', () => {
  const attacks: [string, string, number][] = [
    ['alters a row', "update activity_log set comment = 'fine' where id = 3", 3],
    ['removes a row', 'delete from activity_log where id = 4', 4],
    ['moves a row', 'update activity_log set id = 99 where id = 2', 2],
    ['puts a row first', 'update activity_log set id = -1 where id = 5', -1],
    ['takes a hash away', "update activity_log set hash = '' where id = 6", 6],
  ];
  it.each(attacks)('%s, and is found there', async (_, attack, sequence) => {
    await t.promoteNew('delays');
    await expect(t.db.write((trx) => trx.raw(attack))).rejects.toThrow('append-only');
    await t.db.write(async (trx) => {
      await liftAppendOnly(trx, 'activity_log');
      await trx.raw(attack);
    });
    expect((await verify(t.db)).fault).toMatchObject({ sequence });
  });
});

describe('the migration', () => {
  it('chains rows of an older registry and leaves the table append-only', async () => {
    const knex = knexFactory({ client: 'sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true });
    try {
      for (const { name, up } of MIGRATIONS) {
        if (name >= '0007') break;
        await knex.transaction(up);
      }
      const old = { at: AT, model: 'delays', version: 1, action: 'NEW_COMMENT', done_by: 'ml-lead' };
      // Across a page of the migration, with a gap in the numbers.
      for (let i = 1; i <= 2105; i += 1) {
        await knex('activity_log').insert({ ...old, id: i <= 7 ? i : i + 2, comment: `comment ${i}` });
      }
      const audit = MIGRATIONS.find(({ name }) => name === '0007-audit');
      await knex.transaction(async (trx) => audit?.up(trx));
      const found = await verify({ read: (query: (k: typeof knex) => unknown) => query(knex) } as never);
      expect(found).toMatchObject({ rows: 2105 });
      expect(found.fault).toBeUndefined();
      await expect(knex('activity_log').where({ id: 1 }).update({ comment: '' })).rejects.toThrow('append-only');
      await expect(knex('activity_log').where({ id: 1 }).delete()).rejects.toThrow('append-only');
      expect(await knex('activity_log').where({ id: 8 }).first('comment')).toEqual({ comment: 'comment 8' });
    } finally {
      await knex.destroy();
    }
  });
});

describe('the audit of a model that was renamed', () => {
  it('goes back over its names, and leaves out whoever had a name before or after', async () => {
    let clock = 0;
    const instant = (): string => new Date(Date.UTC(2001, 2, 1) + (clock += 1)).toISOString();
    const act = (model: string, comment: string) =>
      t.db.write((trx) => writeActivity(trx, { at: instant(), model, action: 'NEW_COMMENT', by: 'ml-lead', comment }));
    const rename = (old_name: string, new_name: string) =>
      t.db.write(async (trx) => {
        const at = instant();
        await trx('renamed_models').insert({ old_name, new_name, at });
        const details = { newName: new_name };
        await writeActivity(trx, { at, model: old_name, action: 'RENAMED_MODEL', by: 'ml-lead', details });
      });
    await act('a', 'first');
    await rename('a', 'b');
    await act('b', 'first as b');
    await act('a', 'second');
    await rename('a', 'c');
    await act('c', 'second as c');
    await rename('b', 'a');
    await act('a', 'first as a again');
    const told = async (model: string) =>
      (await t.registry.activityLog(model)).map((row) => row.comment).filter((comment) => comment !== '');
    expect(await told('a')).toEqual(['first', 'first as b', 'first as a again']);
    expect(await told('c')).toEqual(['second', 'second as c']);
    expect(await told('b')).toEqual([]);
  });
});
