import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import { isSqlite } from '../../../registry/database/dialect.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import type { Act } from '../../../registry/models/act.ts';
import { FOLLOWS_ITS_MODEL } from '../../../registry/models/rename.ts';
import { STAGES } from '../../../registry/stages.ts';
import { openTestRegistry, type TestRegistry } from '../open-test-registry.ts';

const manager = (directChanges: Act['directChanges']): Act => ({
  caller: createCaller({ name: 'ml-lead', proof: 'token', roles: ['production-manager'] }),
  directChanges,
});

let t: TestRegistry;
let models = 0;
beforeAll(async () => {
  t = await openTestRegistry();
});
afterAll(() => t.close());

const version = fc.integer({ min: 1, max: 3 });
const alias = fc.constantFrom('champion', 'next');
const deeds = fc.oneof(
  fc.record({
    kind: fc.constant('move' as const),
    version,
    to: fc.constantFrom(...STAGES),
    archiveExisting: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('set-alias' as const), version, alias }),
  fc.record({ kind: fc.constant('delete-alias' as const), alias }),
  fc.record({ kind: fc.constant('delete-version' as const), version }),
  fc.record({ kind: fc.constantFrom('delete-model' as const, 'rename' as const) }),
  fc.record({ kind: fc.constant('gate' as const), version }),
);
type Deed = typeof deeds extends fc.Arbitrary<infer D> ? D : never;

async function carryOut(model: string, deed: Deed, act: Act): Promise<string> {
  const { registry } = t;
  switch (deed.kind) {
    case 'move':
      await registry.transitionByHand({ ...deed, model, comment: '' }, act);
      return model;
    case 'set-alias':
      await registry.setAlias({ ...deed, model }, act);
      return model;
    case 'delete-alias':
      await registry.deleteAlias({ ...deed, model }, act);
      return model;
    case 'delete-version':
      await registry.deleteVersion({ ...deed, model }, act);
      return model;
    case 'delete-model':
      await registry.deleteModel(model, act);
      return model;
    case 'rename':
      return (await registry.renameModel(model, `${model}x`, act)).model.name;
    case 'gate':
      await t.open(model, deed.version);
      return model;
  }
}

const REFUSALS = [
  'NotAuthorized',
  'InvalidInput',
  'UnknownModel',
  'IllegalTransition',
  'StaleDecision',
  'AlreadyExists',
];

/** What clients of Production get: version, and the aliases on it. */
async function served(model: string): Promise<unknown> {
  const production = await t.registry.productionVersion(model);
  return production === undefined ? undefined : { version: production.version, aliases: production.aliases };
}

async function expectConsistent(model: string): Promise<void> {
  const stays = await t.registry.productionHistory(model);
  const production = await t.registry.productionVersion(model);
  expect(stays.filter((stay) => stay.leftAt === null).map((stay) => stay.version)).toEqual(
    production === undefined ? [] : [production.version],
  );
  for (const gate of await t.registry.openApprovals(model)) {
    expect(await t.registry.getModelVersion(model, gate.version)).toMatchObject({ stage: 'Staging' });
  }
  const rows = await t.db.read((knex) => knex('aliases').where({ model }).select<{ version: number }[]>('version'));
  for (const row of rows) await t.registry.getModelVersion(model, row.version);
}

describe('any sequence of changes by hand', () => {
  it.each(['refused', 'allowed'] as const)('where direct changes are %s', { timeout: 120_000 }, async (direct) => {
    const refused = new Set<string>();
    const done = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(deeds, { minLength: 3, maxLength: 9 }), async (sequence) => {
        let model = `${direct}-${(models += 1)}`;
        await t.promoteNew(model);
        await t.stage(model);
        await t.register(model);
        for (const deed of sequence) {
          const before = await served(model);
          const log = await t.registry.activityLog(model);
          try {
            model = await carryOut(model, deed, manager(direct));
            done.add(deed.kind);
          } catch (error) {
            if (!(error instanceof SuperstepError) || !REFUSALS.includes(error.type)) throw error;
            refused.add(deed.kind);
            expect(await t.registry.activityLog(model)).toEqual(log);
          }
          if (direct === 'refused') expect(await served(model)).toEqual(before);
          await expectConsistent(model);
        }
      }),
      { numRuns: 40, seed: 20010301 },
    );
    const all = ['delete-alias', 'delete-model', 'delete-version', 'gate', 'move', 'rename', 'set-alias'];
    const free = all.filter((kind) => kind !== 'delete-model' && kind !== 'rename');
    expect([...done].sort()).toEqual(direct === 'allowed' ? all : free);
    expect([...refused]).toEqual(expect.arrayContaining(['delete-model', 'delete-version', 'rename', 'move']));
  });
});

describe('renaming', () => {
  it('knows every table that speaks of a model', async () => {
    const tables = await t.db.read(async (knex) => {
      const names = isSqlite(knex)
        ? ((await knex('sqlite_master').where({ type: 'table' }).pluck('name')) as string[])
        : ((await knex('information_schema.tables')
            .whereRaw('table_schema = current_schema()')
            .pluck('table_name')) as string[]);
      const infos = await Promise.all(names.map(async (name) => ({ name, columns: await knex(name).columnInfo() })));
      return infos.filter(({ columns }) => 'model' in columns).map(({ name }) => name);
    });
    // These keep the name of their time, or speak of names.
    const stays = ['activity_log', 'decisions', 'role_grants'];
    expect(tables.sort()).toEqual([...FOLLOWS_ITS_MODEL, ...stays].sort());
  });
});

describe('a rollback', () => {
  it('goes back to what was moved by hand since, and over what was deleted', async () => {
    const model = 'rolled';
    for (let i = 0; i < 3; i++) await t.promoteNew(model);
    await t.registry.transitionByHand(
      { model, version: 1, to: 'None', archiveExisting: false, comment: '' },
      manager('refused'),
    );
    await t.registry.deleteVersion({ model, version: 2 }, manager('refused'));
    const back = { naturalKey: 'r', model, reason: 'odd', requestedBy: 'ml-lead', allowed: ['ml-lead'] };
    expect(await t.registry.rollBack(back)).toMatchObject({ outcome: 'rolled-back', from: 3, to: 1 });
    await expect(t.registry.rollBack({ ...back, naturalKey: 's', model: 'nope' })).rejects.toMatchObject({
      type: 'UnknownModel',
    });
  });
});
