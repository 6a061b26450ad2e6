import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openArtifactServer, type ArtifactServer } from './open-artifact-server.ts';
import { json, sendRaw } from './send-raw.ts';

const ROOT = '/api/2.0/mlflow/logged-models';

interface Model {
  readonly info: Readonly<Record<string, unknown>> & { readonly model_id: string; readonly name: string };
  readonly data: Readonly<Record<string, unknown>>;
}

let server: ArtifactServer;
beforeEach(async () => {
  server = await openArtifactServer({ directChanges: 'refused' });
});
afterEach(() => server.close());

async function ask(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const sent = body === undefined ? { headers } : { headers, body: JSON.stringify(body) };
  const answer = await sendRaw(server.port, method, path, sent);
  return { status: answer.status, body: json(answer) };
}

async function create(fields: object = {}): Promise<Model> {
  const answer = await ask('POST', ROOT, { experiment_id: '0', name: 'model', ...fields });
  expect(answer).toMatchObject({ status: 200 });
  return (answer.body as { model: Model }).model;
}

async function read(modelId: string): Promise<Model> {
  return ((await ask('GET', `${ROOT}/${modelId}`)).body as { model: Model }).model;
}

async function search(fields: object = {}): Promise<string[]> {
  const answer = await ask('POST', `${ROOT}/search`, { experiment_ids: ['0'], ...fields });
  expect(answer).toMatchObject({ status: 200 });
  return ((answer.body as { models?: Model[] }).models ?? []).map(({ info }) => info.name);
}

async function run(): Promise<string> {
  const { body } = await ask('POST', '/api/2.0/mlflow/runs/create', { experiment_id: '0' });
  return (body as { run: { info: { run_id: string } } }).run.info.run_id;
}

describe('a logged model', () => {
  it('lives: pending, ready, gone, and its files stay', async () => {
    const { info, data } = await create({ params: [{ key: 'p', value: '1' }], tags: [{ key: 't', value: 'v' }] });
    expect(info).toMatchObject({
      status: 'LOGGED_MODEL_PENDING',
      experiment_id: '0',
      tags: [{ key: 't', value: 'v' }],
    });
    expect(info.model_id).toMatch(/^m-[0-9a-f]{32}$/);
    expect(info['artifact_uri']).toBe(`mlflow-artifacts:/0/models/${info.model_id}/artifacts`);
    expect(data).toEqual({ params: [{ key: 'p', value: '1' }] });

    const artifacts = `/api/2.0/mlflow-artifacts/artifacts/0/models/${info.model_id}/artifacts`;
    await sendRaw(server.port, 'PUT', `${artifacts}/data/MLmodel`, { body: '{}' });
    for (const [status, number] of [
      ['LOGGED_MODEL_UPLOAD_FAILED', 3],
      ['LOGGED_MODEL_READY', 2],
    ] as const) {
      await ask('PATCH', `${ROOT}/${info.model_id}`, { model_id: info.model_id, status: number });
      expect((await read(info.model_id)).info).toMatchObject({ status });
    }
    for (const status of [undefined, 0, 'READY']) {
      expect(await ask('PATCH', `${ROOT}/${info.model_id}`, { status })).toMatchObject({ status: 400 });
    }

    expect((await ask('GET', `${ROOT}/${info.model_id}/artifacts/directories`)).body).toEqual({
      root_uri: info['artifact_uri'],
      files: [{ path: 'data', is_dir: true }],
    });
    const inFolder = `${ROOT}/${info.model_id}/artifacts/directories?artifact_directory_path=data`;
    expect((await ask('GET', inFolder)).body).toMatchObject({ files: [{ path: 'data/MLmodel', file_size: 2 }] });
    const file = `/ajax-api/2.0/mlflow/logged-models/${info.model_id}/artifacts/files?artifact_file_path=data/MLmodel`;
    expect((await ask('GET', file)).body).toEqual({});
    expect((await ask('GET', file.replace('data/', '../'))).status).toBe(400);

    expect(await ask('DELETE', `${ROOT}/${info.model_id}`)).toEqual({ status: 200, body: {} });
    for (const method of ['GET', 'DELETE', 'PATCH']) {
      const answer = await ask(method, `${ROOT}/${info.model_id}`, method === 'PATCH' ? { status: 2 } : undefined);
      expect(answer).toMatchObject({ status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST' } });
    }
    expect((await ask('GET', file)).status).toBe(404);
    expect(await search()).toEqual([]);
    expect((await sendRaw(server.port, 'GET', `${artifacts}/data/MLmodel`)).bytes.toString()).toBe('{}');
  });

  it('gets a random name when it has none, and only names that fit into URIs and filters', async () => {
    for (const name of [undefined, '']) expect((await create({ name })).info.name).toMatch(/^[a-z]+-[a-z]+-\d+$/);
    for (const name of ['a/b', 'a:b', 'a.b', '100%', 'say "x"', "it's", ' ', 'a\n', 'a'.repeat(501)]) {
      expect(await ask('POST', ROOT, { experiment_id: '0', name })).toMatchObject({
        status: 400,
        body: { error_code: 'INVALID_PARAMETER_VALUE' },
      });
    }
  });

  it('belongs to an experiment that is there', async () => {
    expect(await ask('POST', ROOT, { name: 'x' })).toMatchObject({ status: 400 });
    expect(await ask('POST', ROOT, { experiment_id: '77' })).toMatchObject({ status: 404 });
    expect(await ask('POST', ROOT, { experiment_id: 'x' })).toMatchObject({ status: 400 });
    await ask('POST', '/api/2.0/mlflow/experiments/create', { name: 'gone' });
    await ask('POST', '/api/2.0/mlflow/experiments/delete', { experiment_id: '1' });
    expect(await ask('POST', ROOT, { experiment_id: '1' })).toMatchObject({ status: 400 });
  });

  it('keeps params as they were first, and tags as they were last', async () => {
    const { info } = await create({ params: [{ key: 'p', value: '1' }] });
    const url = `${ROOT}/${info.model_id}`;
    const both = [
      { key: 'p', value: '1' },
      { key: 'q', value: '2' },
    ];
    expect(await ask('POST', `${url}/params`, { params: both })).toEqual({ status: 200, body: {} });
    const changing = await ask('POST', `${url}/params`, {
      params: [
        { key: 'new', value: '' },
        { key: 'p', value: '9' },
      ],
    });
    expect(changing).toMatchObject({ status: 400 });
    expect((await read(info.model_id)).data['params']).toEqual(both);

    await ask('PATCH', `${url}/tags`, { tags: [{ key: 'a/b', value: '1' }] });
    await ask('PATCH', `${url}/tags`, { tags: [{ key: 'a/b', value: '2' }, { key: 'c' }] });
    const tags = [
      { key: 'a/b', value: '2' },
      { key: 'c', value: '' },
    ];
    expect((await read(info.model_id)).info['tags']).toEqual(tags);
    expect(await ask('DELETE', `${url}/tags/a%2Fb`)).toEqual({ status: 200, body: {} });
    expect(await ask('DELETE', `${url}/tags/a%2Fb`)).toMatchObject({ status: 404 });
    expect((await read(info.model_id)).info['tags']).toEqual(tags.slice(1));
    expect(await ask('PATCH', `${url}/tags`, { tags: [{ key: '../x', value: '' }] })).toMatchObject({ status: 400 });
  });

  it('shows what runs measured for it: of each key, dataset and run the latest', async () => {
    const { info } = await create();
    const runId = await run();
    const log = (fields: object) =>
      ask('POST', '/api/2.0/mlflow/runs/log-metric', {
        run_id: runId,
        timestamp: 5,
        model_id: info.model_id,
        ...fields,
      });
    await log({ key: 'auc', value: 0.9, step: 1 });
    await log({ key: 'auc', value: 0.8, step: 2 });
    await log({ key: 'auc', value: 0.7, step: 0, dataset_name: 'd', dataset_digest: 'x' });
    await log({ key: 'loss', value: 'NaN', step: 0 });
    await log({ key: 'auc', value: 0.1, model_id: 'm-other' });
    const of = { model_id: info.model_id, run_id: runId, timestamp: 5 };
    const { metrics } = (await read(info.model_id)).data as { metrics: object[] };
    expect(metrics).toHaveLength(3);
    expect(metrics).toEqual(
      expect.arrayContaining([
        { ...of, key: 'auc', value: 0.8, step: 2 },
        { ...of, key: 'auc', value: 0.7, step: 0, dataset_name: 'd', dataset_digest: 'x' },
        { ...of, key: 'loss', value: 'NaN', step: 0 },
      ]),
    );
  });
});

describe('search of logged models', () => {
  it('filters, orders and pages', async () => {
    const runId = await run();
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      const { info } = await create({ name, params: [{ key: 'depth', value: String(i) }], source_run_id: runId });
      await ask('POST', '/api/2.0/mlflow/runs/log-metric', {
        ...{ run_id: runId, key: 'auc', value: i / 10, timestamp: 1, model_id: info.model_id },
        ...(name === 'c' ? { dataset_name: 'holdout', dataset_digest: '1' } : {}),
      });
    }
    expect(await search()).toEqual(['c', 'b', 'a']);
    expect(await search({ filter: "name = 'b'" })).toEqual(['b']);
    expect(await search({ filter: `attributes.source_run_id = '${runId}' AND metrics.auc >= 0.1` })).toEqual([
      'c',
      'b',
    ]);
    expect(await search({ filter: "params.depth != '2'", order_by: [{ field_name: 'name' }] })).toEqual(['a', 'b']);
    expect(await search({ order_by: [{ field_name: 'metrics.auc', ascending: true }] })).toEqual(['a', 'b', 'c']);
    expect(await search({ datasets: [{ dataset_name: 'holdout' }] })).toEqual(['c']);
    expect(await search({ experiment_ids: [] })).toEqual([]);
    expect(await search({ experiment_ids: ['5'] })).toEqual([]);

    const first = await ask('POST', `${ROOT}/search`, { experiment_ids: ['0'], max_results: 2 });
    const { models, next_page_token: token } = first.body as { models: Model[]; next_page_token: string };
    expect(models.map(({ info }) => info.name)).toEqual(['c', 'b']);
    expect(await search({ max_results: 2, page_token: token })).toEqual(['a']);
  });

  it('refuses what the grammar does not know', async () => {
    for (const fields of [
      { filter: "bogus.p = '1'" },
      { filter: "name = 'a' OR name = 'b'" },
      { max_results: 0 },
      { page_token: 'x' },
      { experiment_ids: ['x'] },
      { order_by: [{ field_name: 'bogus' }] },
    ]) {
      expect([fields, await ask('POST', `${ROOT}/search`, { experiment_ids: ['0'], ...fields })]).toMatchObject([
        fields,
        { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } },
      ]);
    }
  });
});
