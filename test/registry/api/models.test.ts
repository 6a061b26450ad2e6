import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openModelServer, type ModelServer, type Who } from './open-model-server.ts';

const CONTRIBUTOR: Who = { name: 'scientist', roles: ['contributor'] };
const MANAGER: Who = { name: 'ml-lead', roles: ['production-manager'] };
const ROOT: Who = { name: 'root', roles: ['admin'] };

let s: ModelServer;
afterEach(() => s.close());

const version = (answer: { readonly body: Record<string, unknown> }) =>
  answer.body['model_version'] as Record<string, unknown>;

describe('registered models where nothing is guarded', () => {
  beforeEach(async () => {
    s = await openModelServer('allowed');
  });

  it('shows clients what the engine wrote: one storage', async () => {
    await s.t.promoteNew('delays');
    const { body } = await s.call('GET', 'registered-models/get', { name: 'delays' });
    expect(body).toMatchObject({
      registered_model: {
        name: 'delays',
        latest_versions: [{ version: '1', current_stage: 'Production', status: 'READY' }],
      },
    });
    const found = version(await s.call('GET', 'model-versions/get', { name: 'delays', version: 1 }));
    expect(found['source']).toBe(`mlflow-artifacts:/1/${String(found['run_id'])}/artifacts/model`);
    expect(found['tags']).toContainEqual({ key: 'gate.compliance', value: 'pass' });
    const uri = await s.call('GET', 'model-versions/get-download-uri', { name: 'delays', version: '1' });
    expect(uri.body).toEqual({ artifact_uri: found['source'] });
  });

  it('archives the holder of Production, which has one place, and tells the history', async () => {
    await s.call('POST', 'registered-models/create', { name: 'm' });
    for (const v of [1, 2]) {
      await s.call('POST', 'model-versions/create', { name: 'm', source: 's3://b/p' });
      const moved = await s.call('POST', 'model-versions/transition-stage', {
        name: 'm',
        version: v,
        stage: 'production',
      });
      expect(version(moved)).toMatchObject({ version: String(v), current_stage: 'Production' });
    }
    expect(version(await s.call('GET', 'model-versions/get', { name: 'm', version: 1 }))).toMatchObject({
      current_stage: 'Archived',
    });
    const stays = await s.t.registry.productionHistory('m');
    expect(stays).toMatchObject([
      { version: 1, enteredThrough: 'direct', decidedBy: ['root'], leftAt: stays[1]?.enteredAt },
      { version: 2, enteredThrough: 'direct', leftAt: null },
    ]);
    await s.call('POST', 'model-versions/transition-stage', { name: 'm', version: 2, stage: 'None' });
    expect(await s.t.registry.productionVersion('m')).toBeUndefined();
    expect((await s.t.registry.productionHistory('m')).at(-1)?.leftAt).not.toBeNull();
  });

  it('renames a model with all that hangs on it, and frees the old name', async () => {
    await s.t.promoteNew('delays');
    await s.call('POST', 'registered-models/alias', { name: 'delays', alias: 'champion', version: 1 });
    const renamed = await s.call('POST', 'registered-models/rename', { name: 'delays', new_name: 'late' });
    expect(renamed.body).toMatchObject({
      registered_model: { name: 'late', aliases: [{ alias: 'champion', version: '1' }] },
    });
    expect((await s.call('GET', 'registered-models/get', { name: 'delays' })).status).toBe(404);
    expect(await s.t.registry.productionHistory('late')).toMatchObject([{ version: 1, enteredThrough: 'promotion' }]);
    const [request] = (await s.t.registry.transitionRequests('late', 1)).filter((r) => r.toStage === 'Production');
    expect(await s.t.registry.decisions(request?.id ?? '')).toMatchObject([{ model: 'delays', counted: true }]);
    await s.call('POST', 'registered-models/create', { name: 'delays' });
    const actions = async (model: string) => (await s.t.registry.activityLog(model)).map((row) => row.action);
    expect(await actions('delays')).toEqual(['CREATED_MODEL']);
    expect(await actions('late')).toEqual(expect.arrayContaining(['REGISTERED_VERSION', 'SET_ALIAS', 'RENAMED_MODEL']));
    expect((await s.call('POST', 'registered-models/rename', { name: 'late', new_name: 'delays' })).body).toMatchObject(
      {
        error_code: 'RESOURCE_ALREADY_EXISTS',
      },
    );
  });

  it('deletes a version for clients and burns its number; deletes a model and gives its name and numbers anew', async () => {
    await s.t.promoteNew('delays');
    await s.t.register('delays', 'second');
    await s.call('POST', 'registered-models/alias', { name: 'delays', alias: 'next', version: 2 });
    expect((await s.call('DELETE', 'model-versions/delete', { name: 'delays', version: '2' })).status).toBe(200);
    expect((await s.call('GET', 'model-versions/get', { name: 'delays', version: 2 })).status).toBe(404);
    expect((await s.call('GET', 'registered-models/alias', { name: 'delays', alias: 'next' })).status).toBe(400);
    const next = await s.call('POST', 'model-versions/create', { name: 'delays', source: 's3://b/p' });
    expect(version(next)).toMatchObject({ version: '3' });

    expect((await s.call('DELETE', 'registered-models/delete', { name: 'delays' })).status).toBe(200);
    expect((await s.call('DELETE', 'registered-models/delete', { name: 'delays' })).status).toBe(404);
    expect((await s.call('GET', 'model-versions/search')).body).toEqual({});
    expect((await s.call('GET', 'registered-models/search')).body).toEqual({});
    expect(await s.t.registry.productionVersions()).toEqual([]);
    // The engine trains it again: the same keys make new rows of a new model.
    expect(await s.t.stage('delays')).toBe(1);
    expect(await s.t.registry.productionHistory('delays')).toEqual([]);
    expect(await s.t.registry.productionHistory('deleted/delays/1')).toMatchObject([
      { version: 1, enteredThrough: 'promotion', leftAt: expect.any(String) as string },
    ]);
    expect((await s.call('POST', 'registered-models/create', { name: 'deleted/delays/1' })).status).toBe(400);
  });

  it('searches by pages, with tags, and leaves prompts out unless asked for', async () => {
    for (const name of ['a', 'b', 'c']) await s.call('POST', 'registered-models/create', { name });
    const prompt = { key: 'mlflow.prompt.is_prompt', value: 'true' };
    await s.call('POST', 'registered-models/create', { name: 'p', tags: [prompt] });
    const names = (answer: { body: Record<string, unknown> }) =>
      ((answer.body['registered_models'] ?? []) as { name: string }[]).map((m) => m.name);
    const first = await s.call('GET', 'registered-models/search', { max_results: '2', order_by: ['name DESC'] });
    expect(names(first)).toEqual(['c', 'b']);
    const page_token = String(first.body['next_page_token']);
    const second = await s.call('GET', 'registered-models/search', {
      max_results: '2',
      order_by: 'name DESC',
      page_token,
    });
    expect(names(second)).toEqual(['a']);
    expect(second.body['next_page_token']).toBeUndefined();
    const prompts = { filter: "tags.`mlflow.prompt.is_prompt` = 'true'" };
    expect(names(await s.call('GET', 'registered-models/search', prompts))).toEqual(['p']);
    expect((await s.call('GET', 'registered-models/search', { page_token: 'x' })).status).toBe(400);
    expect(names(await s.call('GET', 'registered-models/list', { max_results: 10 }))).toEqual(['a', 'b', 'c']);
  });

  it('takes versions of logged models, runs and other versions, and refuses what is not there', async () => {
    await s.t.register('delays');
    const run = version(await s.call('GET', 'model-versions/get', { name: 'delays', version: 1 }))['run_id'] as string;
    const model_id = `m-${'0'.repeat(32)}`;
    await s.t.db.write(async (trx) => {
      const row = {
        experiment_id: 1,
        name: 'lm',
        created_ms: 1,
        updated_ms: 1,
        status: 'LOGGED_MODEL_READY',
        source_run_id: run,
      };
      await trx('logged_models').insert({
        id: model_id,
        artifact_uri: `mlflow-artifacts:/1/models/${model_id}/artifacts`,
        ...row,
      });
    });
    await s.call('POST', 'registered-models/create', { name: 'm' });
    const create = (fields: object) => s.call('POST', 'model-versions/create', { name: 'm', ...fields });
    const uri = async (v: number) =>
      (await s.call('GET', 'model-versions/get-download-uri', { name: 'm', version: v })).body['artifact_uri'];

    expect(version(await create({ source: `models:/${model_id}` }))).toMatchObject({ run_id: run });
    expect(await uri(1)).toBe(`mlflow-artifacts:/1/models/${model_id}/artifacts`);
    await create({ source: `models:/${model_id}`, model_id });
    expect(await s.t.db.read((knex) => knex('logged_model_tags').where({ model_id }).first('value'))).toEqual({
      value: '[{"name": "m", "version": 1}, {"name": "m", "version": 2}]',
    });
    await create({ source: `runs:/${run}/model`, run_id: run });
    expect(await uri(3)).toBe(`mlflow-artifacts:/1/${run}/artifacts/model`);
    await create({ source: 'models:/delays/1' });
    expect(await uri(4)).toBe(`mlflow-artifacts:/1/${run}/artifacts/model`);
    expect((await s.t.registry.getModelVersion('m', 4)).onnx).toEqual(
      (await s.t.registry.getModelVersion('delays', 1)).onnx,
    );

    expect(await create({ source: `models:/m-${'1'.repeat(32)}` })).toMatchObject({ status: 400 });
    expect(await create({ source: 'models:/nope/1' })).toMatchObject({ status: 400 });
    expect(await create({ source: `runs:/${'e'.repeat(32)}/model` })).toMatchObject({ status: 404 });
    expect(await create({ source: 's3://b/p', run_id: 'e'.repeat(32) })).toMatchObject({ status: 404 });
    expect(await create({ source: 's3://b/../p' })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('Invalid model version source') as string },
    });
    expect(version(await create({ source: 's3://b/p', run_id: '', run_link: '' }))).toMatchObject({
      version: '5',
      run_id: '',
    });
  });

  it.each([
    ['POST', 'registered-models/create', {}],
    ['POST', 'registered-models/create', { name: 'x/y' }],
    ['POST', 'registered-models/create', { name: 'delays ' }],
    ['POST', 'registered-models/rename', { name: 'delays', new_name: 'ｄelays' }],
    ['POST', 'registered-models/create', { name: 'm', tags: [{ key: 'k'.repeat(251), value: '' }] }],
    ['GET', 'model-versions/get', { name: 'delays', version: 'abc' }],
    ['GET', 'model-versions/get', { name: 'delays', version: '0' }],
    ['GET', 'model-versions/get', { name: 'delays', version: '99999999999' }],
    ['POST', 'model-versions/transition-stage', { name: 'delays', version: 1, stage: 'Bogus' }],
    [
      'POST',
      'model-versions/transition-stage',
      { name: 'delays', version: 1, stage: 'Archived', archive_existing_versions: true },
    ],
    ['GET', 'model-versions/search', { max_results: '0' }],
    ['GET', 'model-versions/search', { filter: "current_stage = 'None'" }],
    ['POST', 'registered-models/alias', { name: 'delays', alias: 'v1', version: 1 }],
    ['POST', 'registered-models/alias', { name: 'delays', alias: 'production', version: 1 }],
    ['GET', '/superstep/models/delays/production', { at: 'yesterday' }],
  ] as const)('answers 400 for %s %s %j', async (method, path, fields) => {
    await s.t.register('delays');
    expect(await s.call(method, path, fields)).toMatchObject({
      status: 400,
      body: { error_code: 'INVALID_PARAMETER_VALUE' },
    });
  });
});

describe('registered models where Production is guarded', () => {
  beforeEach(async () => {
    s = await openModelServer('refused');
    await s.t.promoteNew('delays');
    await s.t.register('delays', 'second');
  });

  it.each([
    ['POST', 'model-versions/transition-stage', { version: 2, stage: 'Production' }],
    ['POST', 'model-versions/transition-stage', { version: 1, stage: 'Archived' }],
    ['POST', 'registered-models/alias', { version: 1, alias: 'champion' }],
    ['DELETE', 'model-versions/delete', { version: 1 }],
    ['DELETE', 'registered-models/delete', {}],
    ['POST', 'registered-models/rename', { new_name: 'other' }],
  ] as const)(
    'refuses %s %s %j with the reason and what to do instead, and changes nothing',
    async (method, path, fields) => {
      const before = await s.t.registry.activityLog('delays');
      const refused = await s.call(method, path, { name: 'delays', ...fields }, MANAGER);
      expect(refused).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
      expect(refused.body['message']).toMatch(/Production.*(transition-requests\/create|rollBackModel)/);
      expect(refused.body['message']).not.toContain('break_glass');
      expect(await s.t.registry.activityLog('delays')).toEqual(before);
      // The right alone opens nothing, nor does an ordinary comment.
      const silent = await s.call(method, path, { name: 'delays', comment: 'please', ...fields }, ROOT);
      expect(silent.body['message']).toContain('break_glass_reason');
      expect(await s.t.registry.activityLog('delays')).toEqual(before);
    },
  );

  it('leaves an alias on its version when another one takes Production, and says how clients find that one', async () => {
    const alias = { name: 'delays', alias: 'champion' };
    const broken = { ...alias, version: 1, break_glass_reason: 'named too late' };
    expect((await s.call('POST', 'registered-models/alias', broken)).status).toBe(200);
    const newest = await s.t.promoteNew('delays');
    expect(version(await s.call('GET', 'registered-models/alias', alias))).toMatchObject({
      version: '1',
      current_stage: 'Archived',
    });
    const onto = await s.call('POST', 'registered-models/alias', { ...alias, version: newest });
    expect(onto).toMatchObject({ status: 403 });
    expect(onto.body['message']).toContain('models:/delays/Production');
    expect((await s.call('DELETE', 'registered-models/alias', alias, MANAGER)).status).toBe(200);
  });

  it('breaks the glass with a reason, marked for ever in audit and history', async () => {
    const fields = { name: 'delays', version: 2, stage: 'Production', break_glass_reason: 'version 1 serves nonsense' };
    expect((await s.call('POST', 'model-versions/transition-stage', fields, MANAGER)).status).toBe(403);
    expect((await s.call('POST', 'model-versions/transition-stage', fields, ROOT)).status).toBe(200);
    expect((await s.t.registry.productionHistory('delays')).at(-1)).toMatchObject({
      version: 2,
      enteredThrough: 'break-glass',
      decidedBy: ['root'],
      reason: 'break-glass: version 1 serves nonsense',
      requestId: null,
    });
    const log = await s.t.registry.activityLog('delays');
    expect(log.find((row) => row.action === 'BROKE_GLASS')).toMatchObject({
      by: 'root',
      comment: 'version 1 serves nonsense',
      details: { against: expect.stringContaining('in place of version 1') as string },
    });
    const at = (await s.t.registry.productionHistory('delays'))[0]?.enteredAt;
    const then = await s.call('GET', '/superstep/models/delays/production', { at });
    expect(then.body).toMatchObject({ version: '1', entered_through: 'promotion', decided_by: ['governance'] });
    const now = await s.call('GET', '/superstep/models/delays/production');
    expect(now.body).toMatchObject({ version: '2', entered_through: 'break-glass', decided_by: ['root'] });
    const early = await s.call('GET', '/superstep/models/delays/production', { at: '1999-01-01' });
    expect(early.status).toBe(404);
    const ahead = await s.call('GET', '/superstep/models/delays/production', { at: '2999-01-01T00:00:00Z' });
    expect(ahead).toMatchObject({ status: 400, body: { message: expect.stringContaining('lies ahead') as string } });
  });

  it('takes the reason from a tag that only who may break the glass can set, once', async () => {
    const tag = { name: 'delays', version: 1, key: 'break_glass_reason', value: 'leaks names' };
    expect((await s.call('POST', 'model-versions/set-tag', tag, MANAGER)).status).toBe(403);
    expect((await s.call('POST', 'model-versions/set-tag', tag, ROOT)).status).toBe(200);
    const away = { name: 'delays', version: 1, stage: 'Archived' };
    expect((await s.call('POST', 'model-versions/transition-stage', away, MANAGER)).status).toBe(403);
    expect((await s.call('POST', 'model-versions/transition-stage', away, ROOT)).status).toBe(200);
    const record = await s.t.registry.getModelVersion('delays', 1);
    expect(record.tags).not.toHaveProperty('break_glass_reason');
  });

  it('asks for the right over the stages that a change touches', async () => {
    const to = (v: number, stage: string, who: Who) =>
      s.call('POST', 'model-versions/transition-stage', { name: 'delays', version: v, stage }, who);
    expect((await to(2, 'Staging', CONTRIBUTOR)).status).toBe(403);
    expect((await to(2, 'Staging', { name: 'x', roles: ['staging-manager'] })).status).toBe(200);
    expect((await s.call('DELETE', 'model-versions/delete', { name: 'delays', version: 2 }, CONTRIBUTOR)).status).toBe(
      403,
    );
    const viewer = { name: 'v', roles: ['viewer'] };
    for (const [path, fields] of [
      ['registered-models/create', { name: 'n' }],
      ['model-versions/create', { name: 'delays', source: 's3://b/p' }],
      ['model-versions/set-tag', { name: 'delays', version: 2, key: 'k', value: 'v' }],
      ['registered-models/set-tag', { name: 'delays', key: 'k', value: 'v' }],
      ['registered-models/alias', { name: 'delays', alias: 'a', version: 2 }],
      ['comments/create', { name: 'delays', version: 2, comment: 'c' }],
    ] as const) {
      expect(await s.call('POST', path, fields, viewer)).toMatchObject({ status: 403 });
    }
    expect(
      (await s.call('POST', 'model-versions/create', { name: 'delays', source: 's3://b/p' }, CONTRIBUTOR)).status,
    ).toBe(200);
  });

  it('keeps what gates wrote: their tags are written by nobody else', async () => {
    const alike = [
      'Compliance.parity',
      'ｇate.compliance',
      'comp\u200bliance.slices',
      ' approval．by',
      'ARCHIVED.reason',
    ];
    const own = ['gate.compliance', 'compliance.parity', 'archived.reason', 'superstep.evaluation_run'];
    for (const key of [...own, ...alike]) {
      const tag = { name: 'delays', version: 2, key, value: 'pass' };
      expect((await s.call('POST', 'model-versions/set-tag', tag)).status).toBe(403);
      expect((await s.call('DELETE', 'model-versions/delete-tag', tag)).status).toBe(403);
      const created = { name: 'delays', source: 's3://b/p', tags: [{ key, value: 'pass' }] };
      expect((await s.call('POST', 'model-versions/create', created)).status).toBe(403);
      expect((await s.call('POST', 'registered-models/set-tag', tag)).status).toBe(403);
    }
    for (const key of ['compliance', 'aggregate.parity', 'Owner']) {
      expect(
        (await s.call('POST', 'model-versions/set-tag', { name: 'delays', version: 2, key, value: 'x' })).status,
      ).toBe(200);
    }
  });

  it('wakes gates whose champion was changed by hand, and keeps a version at its gate as it is', async () => {
    const waiting = await s.t.stage('delays');
    await s.t.open('delays', waiting);
    const archive = { name: 'delays', version: waiting, stage: 'Archived' };
    expect(await s.call('POST', 'model-versions/transition-stage', archive)).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('waits at its gate') as string },
    });
    const staging = { name: 'delays', version: 2, stage: 'Staging', archive_existing_versions: true };
    expect((await s.call('POST', 'model-versions/transition-stage', staging)).status).toBe(403);
    await s.call('POST', 'model-versions/transition-stage', {
      name: 'delays',
      version: 2,
      stage: 'Production',
      break_glass_reason: 'r',
    });
    expect(s.gates.woken).toEqual([`promote-model/delays/${waiting}`]);
    await s.call('DELETE', 'model-versions/delete', { name: 'delays', version: waiting, break_glass_reason: 'r' });
    expect(await s.t.registry.openApprovals('delays')).toEqual([]);
    expect(s.gates.woken).toHaveLength(2);
  });

  it('changes what break-glass asks for also while no gate can be reached, and reports that', async () => {
    const waiting = await s.t.stage('delays');
    await s.t.open('delays', waiting);
    (s.gates as { wake: ModelServer['gates']['wake'] }).wake = () => Promise.reject(new Error('Temporal is away'));
    const fields = { name: 'delays', version: 2, stage: 'Production', break_glass_reason: 'r' };
    await expect(s.call('POST', 'model-versions/transition-stage', fields)).rejects.toThrow('Temporal is away');
    expect((await s.call('POST', 'model-versions/transition-stage', fields)).status).toBe(200);
    expect((await s.t.registry.productionVersion('delays'))?.version).toBe(2);
  });
});
