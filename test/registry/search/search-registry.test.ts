import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compileExperimentSearch,
  compileLoggedModelSearch,
  compileModelVersionSearch,
  compileRegisteredModelSearch,
  type ApplySearch,
  type LoggedModelSearchInput,
} from '../../../registry/search/compile-search.ts';
import { openTestDatabase, type TestDatabase } from '../test-database.ts';
import { undone } from './undone.ts';

const PROMPT = 'mlflow.prompt.is_prompt';
const at = (ms: number) => ({ created_at: new Date(ms).toISOString(), updated_at: new Date(ms).toISOString() });

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

async function found(trx: Knex, table: string, columns: readonly string[], apply: ApplySearch): Promise<string[]> {
  const query = trx(table).select(columns.map((column) => `${table}.${column}`));
  apply(query);
  const rows = (await query) as Record<string, string | number>[];
  return rows.map((row) => columns.map((column) => row[column]).join('/'));
}

describe('experiments', () => {
  it('are found by name, times in milliseconds and tags; the newest comes first', () =>
    undone(database.db, async (trx) => {
      const ids: Record<string, number> = {};
      for (const [name, ms] of [
        ['e1', 1000],
        ['E1', 2000],
        ['e2', 2000],
      ] as const) {
        await trx('experiments').insert({ name, artifact_location: '', ...at(ms) });
        ids[name] = (await trx('experiments').where({ name }).first<{ id: number }>('id')).id;
      }
      await trx('experiment_tags').insert({ experiment_id: ids['e2'], key: 'k', value: 'v' });
      const search = (filter?: string, orderBy?: string[]) =>
        found(trx, 'experiments', ['name'], compileExperimentSearch({ filter, orderBy }));
      expect(await search()).toEqual(['E1', 'e2', 'e1', 'Default']);
      expect(await search("name LIKE 'e_'")).toEqual(['e2', 'e1']);
      expect(await search("attribute.name ILIKE 'e1'", ['name'])).toEqual(['E1', 'e1']);
      expect(await search('creation_time = 2000 AND last_update_time < 2000.5')).toEqual(['E1', 'e2']);
      expect(await search('creation_time > 1e300')).toEqual([]);
      expect(await search('creation_time >= -1e300 AND creation_time < 1999.9', ['experiment_id DESC'])).toEqual([
        'e1',
        'Default',
      ]);
      expect(await search("tags.k = 'v'")).toEqual(['e2']);
      expect(await search("tags.k != 'v'")).toEqual([]);
    }));
});

async function insertModel(trx: Knex, name: string, ms: number, versions: number, prompt?: string): Promise<void> {
  await trx('registered_models').insert({ name, ...at(ms) });
  if (prompt !== undefined) await trx('registered_model_tags').insert({ model: name, key: PROMPT, value: prompt });
  for (let version = 1; version <= versions; version++) {
    const row = { model: name, version, stage: 'None', source: `s3://${name}/${version}`, ...at(ms + version) };
    await trx('model_versions').insert(row);
    await trx('model_version_tags').insert({
      model: name,
      version,
      key: 'parity',
      value: version % 2 ? 'odd' : 'even',
    });
    if (prompt !== undefined)
      await trx('model_version_tags').insert({ model: name, version, key: PROMPT, value: prompt });
  }
}

describe('registered models and their versions', () => {
  it('leave prompts out, unless the filter names their tag', () =>
    undone(database.db, async (trx) => {
      await insertModel(trx, 'a', 3000, 1);
      await insertModel(trx, 'b', 1000, 1, 'false');
      await insertModel(trx, 'p', 2000, 1, 'true');
      const models = (filter?: string, orderBy?: string[]) =>
        found(trx, 'registered_models', ['name'], compileRegisteredModelSearch({ filter, orderBy }));
      expect(await models()).toEqual(['a', 'b']);
      expect(await models("name LIKE '%'", ['timestamp'])).toEqual(['b', 'a']);
      expect(await models(`tag.\`${PROMPT}\` != 'true'`)).toEqual(['a', 'b']);
      expect(await models(`tags.${PROMPT} = 'true'`)).toEqual(['p']);
      expect(await models(`tags.${PROMPT} ILIKE '%E'`, ['last_updated_timestamp DESC'])).toEqual(['p', 'b']);
      const versions = (filter?: string) =>
        found(trx, 'model_versions', ['model'], compileModelVersionSearch({ filter }));
      expect(await versions()).toEqual(['a', 'b']);
      expect(await versions(`tags.${PROMPT} != 'true' AND name != 'b'`)).toEqual(['a']);
      expect(await versions(`tags.${PROMPT} = 'true'`)).toEqual(['p']);
    }));

  it('are found by name, run, source, number and tags, the last changed first', () =>
    undone(database.db, async (trx) => {
      await insertModel(trx, 'm', 1000, 3);
      await insertModel(trx, 'M', 1000, 2);
      await trx('runs').insert({ id: 'r1', experiment_id: 0, name: '', status: '' });
      await trx('model_versions').where({ model: 'm', version: 2 }).update({ run_id: 'r1' });
      const search = (filter?: string, orderBy?: string[]) =>
        found(trx, 'model_versions', ['model', 'version'], compileModelVersionSearch({ filter, orderBy }));
      expect(await search()).toEqual(['m/3', 'M/2', 'm/2', 'M/1', 'm/1']);
      expect(await search("name='m'", ['version_number'])).toEqual(['m/1', 'm/2', 'm/3']);
      expect(await search("tags.parity = 'odd' AND name = 'm'", ['creation_timestamp DESC'])).toEqual(['m/3', 'm/1']);
      expect(await search("tags.parity LIKE 'e%'", ['name', 'version_number DESC'])).toEqual(['M/2', 'm/2']);
      expect(await search("run_id IN ('r1', 'r2')")).toEqual(['m/2']);
      expect(await search("source_path like 's3://M/%'", ['version_number'])).toEqual(['M/1', 'M/2']);
      expect(await search("version_number > 1.5 AND version_number < 99999999999 AND name = 'm'")).toEqual([
        'm/3',
        'm/2',
      ]);
      expect(await search('version_number = 1.5')).toEqual([]);
      expect(await search("tags.missing != 'x'")).toEqual([]);
    }));
});

describe('logged models', () => {
  it('count only metrics of the asked datasets; their order is by the latest value', () =>
    undone(database.db, async (trx) => {
      await trx('runs').insert({ id: 'r', experiment_id: 0, name: '', status: '' });
      for (const [i, id] of ['m-a', 'm-b', 'm-c'].entries()) {
        const times = { created_ms: i, updated_ms: i };
        const rest = {
          experiment_id: 0,
          artifact_uri: '',
          status: i === 2 ? 'LOGGED_MODEL_PENDING' : 'LOGGED_MODEL_READY',
        };
        await trx('logged_models').insert({ id, name: id, ...times, ...rest });
      }
      const metric = (
        model_id: string | null,
        value: number,
        step: number,
        dataset_name: string,
        dataset_digest: string,
      ) =>
        trx('metrics').insert({
          run_id: 'r',
          key: 'acc',
          value,
          step,
          timestamp_ms: 0,
          model_id,
          dataset_name,
          dataset_digest,
        });
      await metric('m-a', 0.9, 0, 'train', '1');
      await metric('m-a', 0.4, 1, 'test', '1');
      await metric('m-b', 0.5, 0, 'test', '2');
      await metric(null, 0.99, 0, 'test', '2');
      const search = (input: LoggedModelSearchInput) =>
        found(trx, 'logged_models', ['id'], compileLoggedModelSearch(input));
      expect(await search({})).toEqual(['m-c', 'm-b', 'm-a']);
      expect(await search({ filter: 'metrics.acc > 0.8' })).toEqual(['m-a']);
      expect(await search({ filter: 'metrics.acc > 0.8', datasets: [{ name: 'test' }] })).toEqual([]);
      expect(await search({ datasets: [{ name: 'test', digest: '2' }, { name: 'x' }] })).toEqual(['m-b']);
      expect(await search({ filter: "status = 'READY' AND attributes.status LIKE 'LOGGED%'" })).toEqual(['m-b', 'm-a']);
      expect(await search({ filter: "status NOT IN ('READY')" })).toEqual(['m-c']);
      expect(await search({ orderBy: [{ fieldName: 'metrics.acc', ascending: false }] })).toEqual([
        'm-b',
        'm-a',
        'm-c',
      ]);
      const ofTrain = { fieldName: 'metrics.acc', ascending: false, datasetName: 'train' };
      expect(await search({ orderBy: [ofTrain, { fieldName: 'creation_timestamp' }] })).toEqual(['m-a', 'm-b', 'm-c']);
    }));
});
