import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policySchema } from '../../../contracts/schemas/policy.ts';
import { createRegistryServer } from '../../../registry/api/server.ts';
import { createWebhookRoutes } from '../../../registry/api/webhook-routes.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { openDeliveries, type DeliveriesFixture } from '../webhooks/deliveries-fixture.ts';
import { startReceiver, type Receiver } from '../webhooks/receiver.ts';

const POLICY = policySchema.parse({
  compliance: {},
  comparison: {},
  rollback: { by: ['governance'] },
  approval: { approvers: ['governance'] },
  notifications: { allow: ['127.0.0.0/8'] },
});
const EVENTS = [{ entity: 'MODEL_VERSION', action: 'CREATED' }];

let fixture: DeliveriesFixture;
let receiver: Receiver;
let app: FastifyInstance;
const bugs: unknown[] = [];

beforeAll(async () => {
  fixture = await openDeliveries();
  receiver = await startReceiver();
  const { webhooks, deps } = fixture;
  const routes = createWebhookRoutes({ webhooks, policy: async () => POLICY, sending: deps });
  const authenticate = async ({ 'x-role': role }: IncomingHttpHeaders) =>
    createCaller({ name: 'caller', proof: 'token', roles: [role === undefined ? 'governance-officer' : String(role)] });
  app = await createRegistryServer({
    environments: { prod: { environment: 'prod', routes, streams: [], authenticate } },
    report: (error) => bugs.push(error),
  });
});
afterAll(async () => {
  await app.close();
  await receiver.close();
  await fixture.close();
  expect(bugs).toEqual([]);
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, fields = {}, role?: string) {
  const headers = role === undefined ? {} : { 'x-role': role };
  const sent: InjectOptions =
    method === 'GET'
      ? { method, headers, query: fields }
      : { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(fields) };
  const response = await app.inject({ ...sent, url: `/api/2.0/${path}` });
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() } satisfies Answer;
}

const webhookOf = ({ body }: Answer) => body['webhook'] as Readonly<Record<string, unknown>>;

describe("MLflow's webhooks", () => {
  const make = (fields = {}) =>
    call('POST', 'mlflow/webhooks', { name: 'ci', url: receiver.url, events: EVENTS, ...fields });

  it('are made, shown, changed and deleted; the secret is never told', async () => {
    const made = await make({ secret: 'hush', description: 'tells the build' });
    expect(made).toMatchObject({
      status: 200,
      body: {
        webhook: { name: 'ci', url: receiver.url, events: EVENTS, status: 'ACTIVE', description: 'tells the build' },
      },
    });
    const id = String(webhookOf(made)['webhook_id']);
    expect(await call('GET', `mlflow/webhooks/${id}`)).toEqual(made);
    expect((await call('GET', 'mlflow/webhooks')).body).toEqual({ webhooks: [webhookOf(made)] });
    const events = [
      { entity: 'MODEL_VERSION_TAG', action: 'SET' },
      { entity: 'MODEL_VERSION_ALIAS', action: 'DELETED' },
    ];
    const changed = await call('PATCH', `mlflow/webhooks/${id}`, { events, status: 'DISABLED' });
    expect(changed.body).toMatchObject({ webhook: { name: 'ci', url: receiver.url, events, status: 'DISABLED' } });
    expect(JSON.stringify([made, changed])).not.toContain('hush');
    expect(await call('DELETE', `mlflow/webhooks/${id}`)).toEqual({ status: 200, body: {} });
    expect((await call('GET', `mlflow/webhooks/${id}`)).status).toBe(404);
    expect((await call('GET', 'mlflow/webhooks')).body).toEqual({});
  });

  it.each([
    { name: 'w 3' },
    { name: '' },
    { name: '-w' },
    { name: 'x'.repeat(64) },
    { url: 'http://8.8.8.8/x' },
    { url: 'https://169.254.169.254/' },
    { url: 'https://u:p@example.com/' },
    { url: 'nothing' },
    { events: [] },
    { events: [{ entity: 'MODEL_VERSION', action: 'SET' }] },
    { events: [{ entity: 'PROMPT', action: 'CREATED' }] },
    { events: [{ entity: 'MODEL_VERSION' }] },
    { events: 'MODEL_VERSION' },
    { status: 'TEST_MODE' },
    { secret: 'two\r\nlines' },
    { secret: 7 },
  ])('are refused with %j', async (fields) => {
    const answer = await make(fields);
    expect(answer).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } });
    expect(JSON.stringify(answer)).not.toContain('lines');
  });

  it('are tested at once; of what the receiver says only the status comes back', async () => {
    const id = String(webhookOf(await make({ secret: 'hush' }))['webhook_id']);
    receiver.answer(200);
    const taken = { success: true, response_status: 200, response_body: 'the test event was taken' };
    expect((await call('POST', `mlflow/webhooks/${id}/test`)).body).toEqual({ result: taken });
    const got = receiver.received.at(-1);
    expect(JSON.parse(got?.body ?? '')).toMatchObject({ entity: 'model_version', action: 'created' });
    expect(got?.headers['x-mlflow-signature']).toMatch(/^v1,/);
    receiver.answer(500);
    const refused = await call('POST', `mlflow/webhooks/${id}/test`, { event: { entity: 1, action: 1 } });
    expect(refused.body).toEqual({ result: { success: false, response_status: 500, error_message: 'answered 500' } });
    expect(JSON.parse(receiver.received.at(-1)?.body ?? '')).toMatchObject({ entity: 'registered_model' });
    receiver.answer((response) => response.destroy());
    const gone = await call('POST', `mlflow/webhooks/${id}/test`);
    expect(gone.body).toEqual({ result: { success: false, error_message: 'no connection' } });
    expect(await fixture.webhooks.listDeliveries(id, 10)).toEqual([]);
    await call('DELETE', `mlflow/webhooks/${id}`);
  });

  it('come in pages', async () => {
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) ids.push(String(webhookOf(await make({ name }))['webhook_id']));
    const first = await call('GET', 'mlflow/webhooks', { max_results: '2' });
    expect(first.body['webhooks']).toHaveLength(2);
    const second = await call('GET', 'mlflow/webhooks', {
      max_results: '2',
      page_token: first.body['next_page_token'],
    });
    expect(second.body['webhooks']).toMatchObject([{ name: 'c' }]);
    expect(second.body).not.toHaveProperty('next_page_token');
    expect((await call('GET', 'mlflow/webhooks', { page_token: 'xx' })).status).toBe(400);
    expect((await call('GET', 'mlflow/webhooks', { max_results: '0' })).status).toBe(400);
    for (const id of ids) await call('DELETE', `mlflow/webhooks/${id}`);
  });
});

describe("Databricks' webhooks", () => {
  const url = 'mlflow/registry-webhooks';
  const spec = () => ({ http_url_spec: { url: receiver.url, secret: 'hush', authorization: 'Bearer hush' } });
  const make = (fields = {}) => call('POST', `${url}/create`, { events: ['COMMENT_CREATED'], ...spec(), ...fields });

  it('are made for a model or the whole registry, listed by both, changed, tested and deleted', async () => {
    await fixture.database.db.write(async (trx) => {
      await trx('registered_models').insert({ name: 'delays', created_at: '', updated_at: '' });
    });
    const whole = await make({ events: ['REGISTERED_MODEL_CREATED', 'COMMENT_CREATED'], status: 'TEST_MODE' });
    expect(whole).toMatchObject({ status: 200, body: { webhook: { status: 'TEST_MODE' } } });
    expect(webhookOf(whole)['http_url_spec']).toEqual({ url: receiver.url, enable_ssl_verification: true });
    const ofModel = await make({ model_name: 'delays', events: ['MODEL_VERSION_CREATED'] });
    const id = String(webhookOf(ofModel)['id']);
    expect((await call('GET', `${url}/list`)).body['webhooks']).toHaveLength(2);
    expect((await call('GET', `${url}/list`, { model_name: 'delays' })).body['webhooks']).toMatchObject([{ id }]);
    expect((await call('GET', `${url}/list`, { events: 'COMMENT_CREATED' })).body['webhooks']).toHaveLength(1);
    const changed = await call('PATCH', `${url}/update`, { id, description: 'new', events: ['COMMENT_CREATED'] });
    expect(changed.body).toMatchObject({
      webhook: { id, model_name: 'delays', description: 'new', events: ['COMMENT_CREATED'] },
    });
    receiver.answer(202);
    expect((await call('POST', `${url}/test`, { id })).body).toMatchObject({ status_code: 202 });
    expect(receiver.received.at(-1)?.headers.authorization).toBe('Bearer hush');
    expect(JSON.parse(receiver.received.at(-1)?.body ?? '')).toMatchObject({
      event: 'COMMENT_CREATED',
      webhook_id: id,
    });
    for (const webhook of [whole, ofModel]) {
      expect(JSON.stringify(webhook)).not.toContain('hush');
      // As the SDK sends it: in the query.
      const response = await app.inject({
        method: 'DELETE',
        url: `/api/2.0/${url}/delete?id=${String(webhookOf(webhook)['id'])}`,
      });
      expect([response.statusCode, response.json()]).toEqual([200, {}]);
    }
    expect((await call('GET', `${url}/list`)).body).toEqual({});
  });

  it.each([
    { events: [] },
    { events: ['SOMETHING'] },
    { events: ['REGISTERED_MODEL_CREATED'], model_name: 'delays' },
    { http_url_spec: {} },
    { http_url_spec: { url: 'https://10.0.0.1/' } },
    { http_url_spec: { url: 'https://example.com/', enable_ssl_verification: false } },
    { job_spec: { job_id: '1', access_token: 'x' } },
  ])('are refused with %j', async (fields) => {
    expect(await make(fields)).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } });
  });

  it('are refused for a model that is not there', async () => {
    expect(await make({ model_name: 'nowhere' })).toMatchObject({ status: 404 });
  });

  it('are not found by calls of the other protocol', async () => {
    const id = String(webhookOf(await make())['id']);
    expect((await call('GET', `mlflow/webhooks/${id}`)).status).toBe(404);
    expect((await call('GET', 'mlflow/webhooks')).body).toEqual({});
    await call('DELETE', `${url}/delete`, { id });
  });
});

describe('subscribers', () => {
  it('are shown with what they were told, and let go on, without the path of their address', async () => {
    const made = await call('POST', 'mlflow/webhooks', { name: 'ci', url: `${receiver.url}/token`, events: EVENTS });
    const id = String(webhookOf(made)['webhook_id']);
    receiver.answer(503);
    await fixture.act({ action: 'REGISTERED_VERSION', model: 'm', version: 1, toStage: 'None' });
    await expect(fixture.deliver(id)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    const { subscribers } = (await call('GET', 'superstep/webhooks')).body as { readonly subscribers: object[] };
    expect(subscribers).toMatchObject([
      { id, kind: 'mlflow', host: new URL(receiver.url).host, failing_since: expect.any(String) as string },
    ]);
    expect(JSON.stringify(subscribers)).not.toContain('token');
    const deliveries = await call('GET', `superstep/webhooks/${id}/deliveries`);
    expect(deliveries.body['deliveries']).toMatchObject([
      { event: 'model_version.created', status: 'pending', attempts: 1, response_status: 503, problem: 'answered 503' },
    ]);
    expect((await call('GET', `superstep/webhooks/${id}/deliveries`, { max_results: '0' })).status).toBe(400);
    const enabled = await call('POST', `superstep/webhooks/${id}/enable`, { skip: true });
    expect(enabled.body['subscriber']).toMatchObject({ status: 'ACTIVE', failing_since: null });
    expect((await call('GET', `superstep/webhooks/${id}/deliveries`)).body['deliveries']).toEqual([]);
    expect((await call('POST', `superstep/webhooks/${id}/test`)).body).toMatchObject({
      success: false,
      response_status: 503,
    });
    expect((await call('POST', 'superstep/webhooks/none/enable')).status).toBe(404);
    await call('DELETE', `mlflow/webhooks/${id}`);
  });

  it.each([
    ['GET', 'mlflow/webhooks'],
    ['POST', 'mlflow/webhooks'],
    ['POST', 'mlflow/registry-webhooks/create'],
    ['GET', 'superstep/webhooks'],
    ['POST', 'superstep/webhooks/x/test'],
  ] as const)('are governance’s alone: %s %s', async (method, path) => {
    expect(await call(method, path, {}, 'production-manager')).toMatchObject({
      status: 403,
      body: { error_code: 'PERMISSION_DENIED' },
    });
  });
});
