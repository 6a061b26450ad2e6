import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knexFactory, { type Knex } from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArtifactStore } from '../../registry/artifact-store.ts';
import { streamRows } from '../../registry/audit/rows.ts';
import { verifyChain } from '../../registry/audit/verification.ts';
import { deferForeignKeys } from '../../registry/database/dialect.ts';
import { deferrableKeysAndByteOrder } from '../../registry/database/postgres-schema.ts';
import { openRegistryDatabase, type RegistryLocation } from '../../registry/database.ts';
import { MIGRATIONS } from '../../registry/migrations/all.ts';
import { createRegistry } from '../../registry/registry.ts';
import { createTestDatabase, dropTestDatabase, duplicateCode, onPostgres, testLocation } from './test-database.ts';

const MODEL = 'delays';
const RUN = 'a'.repeat(32);
const OTHER_RUN = 'b'.repeat(32);
const SHA = 'c'.repeat(64);
const AT = '2001-03-01T00:00:00.123Z';

let folder: string;
let location: RegistryLocation;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  await createTestDatabase(folder, 'empty');
  location = testLocation(folder);
});
afterEach(async () => {
  await dropTestDatabase(folder);
  await rm(folder, { recursive: true, force: true });
});

/** The database as its owner sees it, without the registry's code. */
async function asOwner<T>(work: (knex: Knex) => Promise<T>): Promise<T> {
  const knex = knexFactory(
    'file' in location
      ? { client: 'sqlite3', connection: { filename: location.file }, useNullAsDefault: true, pool: { min: 1, max: 1 } }
      : { client: 'pg', connection: location.url },
  );
  try {
    return await work(knex);
  } finally {
    await knex.destroy();
  }
}

/** What the program of the version before made: the tables of 0001 to 0004, and rows in each. */
async function makePreviousVersion(): Promise<void> {
  await asOwner(async (knex) => {
    await knex.raw('create table registry_locks (id integer primary key, taken integer not null)');
    await knex.raw('create table registry_migrations (name varchar(100) primary key)');
    await knex('registry_locks').insert({ id: 1, taken: 41 });
    for (const { name, up } of MIGRATIONS.slice(0, 4)) {
      await knex.transaction((trx) => (onPostgres() ? deferrableKeysAndByteOrder(trx, () => up(trx)) : up(trx)));
      await knex('registry_migrations').insert({ name });
    }
    await insertTracking(knex);
    await insertGovernance(knex);
  });
}

async function insertTracking(knex: Knex): Promise<void> {
  await knex('experiments').insert({ name: MODEL, created_at: AT, updated_at: AT });
  const run = { experiment_id: 1, status: 'FINISHED', name: 'as of May', user_id: 'ml' };
  await knex('runs').insert({
    ...run,
    id: RUN,
    natural_key: 'k1',
    started_at: '2001-02-28T23:59:59.999Z',
    ended_at: AT,
  });
  await knex('runs').insert({ ...run, id: OTHER_RUN, natural_key: 'k2', started_at: '1969-12-31T23:59:59.500Z' });
  await knex('params').insert({ run_id: RUN, key: 'num_leaves', value: '31' });
  await knex('tags').insert({ run_id: RUN, key: 'trigger', value: 'schedule' });
  const metric = { run_id: RUN, recorded_at: AT, step: 0, is_nan: false };
  await knex('metrics').insert({ ...metric, key: 'auc', value: 0.7 });
  await knex('metrics').insert({ ...metric, key: 'auc', value: 0.1 + 0.2, step: 3 });
  await knex('metrics').insert({ ...metric, key: 'auc', value: 0.9, step: 3, recorded_at: '2001-02-28T00:00:00.000Z' });
  await knex('metrics').insert({ ...metric, key: 'broken', value: 0, is_nan: true });
  await knex('metrics').insert({ ...metric, key: 'endless', value: Number.POSITIVE_INFINITY });
  await knex('metrics').insert({ ...metric, key: 'bottomless', value: Number.NEGATIVE_INFINITY });
  const file = { run_id: RUN, uri: `artifact:sha256/${SHA}`, sha256: SHA, bytes: 5_000_000_000 };
  await knex('run_artifacts').insert({ ...file, name: 'model.onnx' });
  await knex('run_artifacts').insert({ ...file, name: 'plots/roc.svg' });
  await knex('run_inputs').insert({ run_id: RUN, name: 'snapshot', digest: SHA, content: '5' });
}

async function insertGovernance(knex: Knex): Promise<void> {
  await knex('registered_models').insert({ name: MODEL, created_at: AT, updated_at: AT });
  const version = { model: MODEL, created_at: AT, updated_at: AT, run_id: RUN };
  await knex('model_versions').insert({ ...version, version: 1, natural_key: 'v1', stage: 'Archived' });
  await knex('model_versions').insert({ ...version, version: 2, natural_key: 'v2', stage: 'Production' });
  await knex('aliases').insert({ model: MODEL, version: 2, alias: 'champion' });
  await knex('model_version_tags').insert({ model: MODEL, version: 2, key: 'owner', value: 'team' });
  const comment = { model: MODEL, version: 2, author: 'a', comment: 'c', created_at: AT, updated_at: AT };
  await knex('comments').insert({ ...comment, id: 'c1', natural_key: 'c1' });
  const request = { model: MODEL, version: 2, to_stage: 'Production', status: 'approved', requested_by: 's' };
  await knex('transition_requests').insert({ ...request, id: 'r1', natural_key: 'r1', created_at: AT });
  const decision = { model: MODEL, version: 2, request_id: 'r1', approver: 'governance', decision: 'approve' };
  for (const i of [1, 2]) {
    const said = { comment: `c${i}`, evidence: '', counted: i === 1, received_via: 'update', recorded_at: AT };
    await knex('decisions').insert({ ...decision, ...said, id: `d${i}`, natural_key: `d${i}` });
    const act = { at: AT, model: MODEL, version: 2, action: 'NEW_COMMENT', done_by: 'a', comment: `act ${i}` };
    await knex('activity_log').insert(act);
  }
  const stay = { model: MODEL, version: 2, entered_at: AT, entered_through: 'promotion', request_id: 'r1' };
  await knex('production_history').insert({ ...stay, decided_by: '["governance"]', reason: 'good' });
}

async function migrated(): Promise<ReturnType<typeof openRegistryDatabase>> {
  const db = openRegistryDatabase(location);
  await db.migrate();
  return db;
}

describe('migrations', () => {
  it('lead from nothing to the tables of now, once', async () => {
    const db = openRegistryDatabase(location);
    expect((await db.migrations()).every(({ applied }) => !applied)).toBe(true);
    await db.migrate();
    await db.migrate();
    expect(await db.migrations()).toEqual(MIGRATIONS.map(({ name }) => ({ name, applied: true })));
    expect(await db.read((knex) => knex('experiments').select('id', 'name'))).toEqual([{ id: 0, name: 'Default' }]);
    const inserted = await db.write((trx) =>
      trx('experiments').insert({ name: 'first', created_at: AT, updated_at: AT }, 'id'),
    );
    expect(inserted).toEqual([{ id: 1 }]);
    await db.close();
  });

  it('are applied by one of many that come at once', async () => {
    await makePreviousVersion();
    const pools = Array.from({ length: 6 }, () => openRegistryDatabase(location));
    await Promise.all(pools.map((db) => db.migrate()));
    for (const db of pools) {
      expect(await db.read((knex) => knex('registry_migrations').orderBy('name').pluck('name'))).toEqual(
        MIGRATIONS.map(({ name }) => name),
      );
    }
    await Promise.all(pools.map((db) => db.close()));
  });
});

describe('a registry of the version before', () => {
  beforeEach(makePreviousVersion);

  it('keeps its runs', async () => {
    const db = await migrated();
    const artifacts = createArtifactStore({ folder });
    const registry = createRegistry({ db, artifacts, now: () => new Date() });
    const file = { uri: `artifact:sha256/${SHA}`, sha256: SHA, bytes: 5_000_000_000 };
    expect(await registry.getRun(RUN)).toEqual({
      runId: RUN,
      experiment: MODEL,
      name: 'as of May',
      status: 'FINISHED',
      startedAt: '2001-02-28T23:59:59.999Z',
      endedAt: AT,
      params: { num_leaves: '31' },
      metrics: {
        auc: 0.1 + 0.2,
        broken: Number.NaN,
        endless: Number.MAX_VALUE,
        bottomless: -Number.MAX_VALUE,
      },
      tags: { trigger: 'schedule' },
      artifacts: { 'model.onnx': file, 'plots/roc.svg': file },
      inputs: { snapshot: 5 },
    });
    expect(await registry.getRun(OTHER_RUN)).toMatchObject({ startedAt: '1969-12-31T23:59:59.500Z', endedAt: null });
    const history = await db.read((knex) =>
      knex('metrics')
        .where({ run_id: RUN, key: 'auc' })
        .orderBy(['timestamp_ms', 'step'])
        .select('timestamp_ms', 'value'),
    );
    const earlier = Date.parse('2001-02-28T00:00:00.000Z');
    expect(history).toEqual([
      { timestamp_ms: earlier, value: 0.9 },
      { timestamp_ms: Date.parse(AT), value: 0.7 },
      { timestamp_ms: Date.parse(AT), value: 0.1 + 0.2 },
    ]);
    const uris = await db.read((knex) => knex('runs').orderBy('id').pluck('artifact_uri'));
    expect(uris).toEqual([RUN, OTHER_RUN].map((run) => `mlflow-artifacts:/1/${run}/artifacts`));
    const places = await db.read((knex) => knex('experiments').orderBy('id').pluck('artifact_location'));
    expect(places).toEqual(['mlflow-artifacts:/0', 'mlflow-artifacts:/1']);
    await db.close();
  });

  it('keeps what was decided, and its audit becomes a chain', async () => {
    const db = await migrated();
    const registry = createRegistry({ db, artifacts: createArtifactStore({ folder }), now: () => new Date() });
    expect(await registry.productionVersion(MODEL)).toMatchObject({ version: 2, runId: RUN, aliases: ['champion'] });
    expect(await registry.decisions('r1')).toMatchObject([
      { id: 'd1', counted: true, approver: 'governance' },
      { id: 'd2', counted: false, approver: 'governance' },
    ]);
    expect(await db.read((knex) => knex('decisions').orderBy('sequence').select('sequence', 'proof', 'roles'))).toEqual(
      [
        { sequence: 1, proof: 'claimed', roles: '[]' },
        { sequence: 2, proof: 'claimed', roles: '[]' },
      ],
    );
    expect(await registry.productionHistory(MODEL)).toMatchObject([{ version: 2, leftAt: null, requestId: 'r1' }]);
    expect((await registry.activityLog(MODEL)).map(({ comment }) => comment)).toEqual(['act 1', 'act 2']);
    const chain = await verifyChain(streamRows(db), []);
    expect(chain).toMatchObject({ rows: 2 });
    expect(chain.fault).toBeUndefined();
    await db.close();
  });

  it('refuses afterwards what it refused before', async () => {
    const db = await migrated();
    const refused = (work: (trx: Knex) => Promise<unknown>) => expect(db.write(work)).rejects;
    await refused((trx) => trx('decisions').where({ id: 'd1' }).update({ counted: false })).toThrow('append-only');
    await refused((trx) => trx('decisions').delete()).toThrow('append-only');
    await refused((trx) => trx('activity_log').delete()).toThrow('append-only');
    await refused((trx) => trx('model_versions').where({ version: 1 }).update({ stage: 'Production' })).toMatchObject({
      code: duplicateCode(),
    });
    const again = { model: MODEL, version: 2, request_id: 'r1', approver: 'x', decision: 'approve', comment: 'c' };
    const said = { evidence: '', counted: true, received_via: 'update', recorded_at: AT };
    await refused((trx) => trx('decisions').insert({ ...again, ...said, id: 'd1', natural_key: 'new' })).toMatchObject({
      code: duplicateCode(),
    });
    await refused((trx) => trx('params').insert({ run_id: 'nobody', key: 'k', value: 'v' })).toThrow(/foreign key/i);
    await db.close();
  });

  it('lets a model be renamed under all that hangs on it, and the decisions keep the old name', async () => {
    const db = await migrated();
    await db.write(async (trx) => {
      await deferForeignKeys(trx);
      await trx('registered_models').where({ name: MODEL }).update({ name: 'late' });
      const hanging = ['model_versions', 'aliases', 'model_version_tags', 'comments', 'transition_requests'];
      for (const table of [...hanging, 'production_history', 'gate_results', 'registered_model_tags']) {
        await trx(table).where({ model: MODEL }).update({ model: 'late' });
      }
    });
    const half = db.write(async (trx) => {
      await deferForeignKeys(trx);
      await trx('registered_models').where({ name: 'late' }).update({ name: 'later' });
    });
    await expect(half).rejects.toThrow(/foreign key/i);
    expect(await db.read((knex) => knex('decisions').distinct().pluck('model'))).toEqual([MODEL]);
    await db.close();
  });

  it('is as it was when a migration fails', async () => {
    // Both kinds of rows that no version wrote: the new tables have no room for them.
    await asOwner((knex) => knex('experiments').insert({ name: 'Default', created_at: AT, updated_at: AT }));
    const db = openRegistryDatabase(location);
    await expect(db.migrate()).rejects.toMatchObject({ code: duplicateCode() });
    expect((await db.migrations()).filter(({ applied }) => applied)).toHaveLength(4);
    expect(await db.read((knex) => knex('run_artifacts').pluck('name'))).toHaveLength(2);
    await db.close();
  });
});

describe('the tables of now', () => {
  it('sort texts by their bytes, on every database', async () => {
    const db = await migrated();
    const paths = ['a/b', 'a-b', 'a', 'B', 'ä', '_', 'a/b/c', 'Z/1', 'a0'];
    const file = { sha256: SHA, bytes: 1, updated_at: AT };
    await db.write((trx) => trx('artifact_files').insert(paths.map((path) => ({ path, ...file }))));
    const sorted = await db.read((knex) => knex('artifact_files').orderBy('path').pluck('path'));
    expect(sorted).toEqual([...paths].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))));
    const below = db.read((knex) =>
      knex('artifact_files').where('path', '>', 'a/').where('path', '<', 'a0').pluck('path'),
    );
    expect((await below).sort()).toEqual(['a/b', 'a/b/c']);
    await db.close();
  });

  it('give numbers as numbers', async () => {
    const db = await migrated();
    const file = { path: 'p', sha256: SHA, bytes: 2 ** 40, updated_at: AT };
    await db.write((trx) => trx('artifact_files').insert(file));
    const rows = await db.read((knex) =>
      knex('artifact_files').count({ n: '*' }).sum({ all: 'bytes' }).max({ bytes: 'bytes' }),
    );
    expect(rows).toEqual([{ n: 1, all: 2 ** 40, bytes: 2 ** 40 }]);
    await db.close();
  });

  it('are not written by readers', async () => {
    const db = await migrated();
    const writing = db.read((knex) => knex('experiments').insert({ name: 'x', created_at: AT, updated_at: AT }));
    await expect(writing).rejects.toThrow(onPostgres() ? 'read-only' : 'readonly');
    await db.close();
  });
});
