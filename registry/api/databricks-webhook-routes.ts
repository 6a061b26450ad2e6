import { SuperstepError } from '../../contracts/failure-types.ts';
import { SUBSCRIBER_STATUSES, type Subscriber } from '../webhooks/subscribers.ts';
import { DATABRICKS_EVENTS } from '../webhooks/webhook-events.ts';
import { invalidValue, missing, type Fields } from './fields.ts';
import type { RestCall, RestRoute } from './route.ts';
import { pageOf, secretOf, targetOf } from './webhook-fields.ts';
import { testWebhook, type WebhookRouteDeps } from './test-webhook.ts';

/** Webhooks as the Databricks registry's clients make them: of one model, or of the whole registry. */
export function createDatabricksWebhookRoutes(deps: WebhookRouteDeps): RestRoute[] {
  const { webhooks } = deps;
  const kind = 'databricks';
  const idOf = ({ fields }: RestCall): string => fields.text('id');
  return [
    governs('POST', 'create', async ({ fields, caller }) => {
      const model = fields.optionalText('model_name') ?? '';
      const { url, ...target } = await readTarget(fields, deps);
      if (url === undefined) throw missing('http_url_spec.url');
      const events = eventsOf(fields, model);
      if (events.length === 0) throw missing('events');
      const input = { kind, model, url, events, ...target, ...readRest(fields) } as const;
      return { webhook: webhookJson(await webhooks.createWebhook(input, caller)) };
    }),
    governs('GET', 'list', async ({ fields }) => {
      const model = fields.optionalText('model_name');
      const events = fields.texts('events');
      const wanted = (await webhooks.listSubscribers(kind)).filter(
        (webhook) =>
          (model === undefined || webhook.model === model) &&
          (events.length === 0 || webhook.events.some((event) => events.includes(event))),
      );
      const { items, ...next } = pageOf(wanted, fields, 100);
      return { ...(items.length === 0 ? {} : { webhooks: items.map(webhookJson) }), ...next };
    }),
    governs('PATCH', 'update', async (call) => {
      const { fields, caller } = call;
      const before = await webhooks.getSubscriber(idOf(call), kind);
      const events = fields.has('events') ? eventsOf(fields, before.model) : [];
      const changes = {
        ...(await readTarget(fields, deps)),
        ...readRest(fields),
        ...(events.length === 0 ? {} : { events }),
      };
      return { webhook: webhookJson(await webhooks.updateWebhook({ id: before.id, kind, ...changes }, caller)) };
    }),
    governs('DELETE', 'delete', async (call) => {
      await webhooks.deleteWebhook(idOf(call), kind, call.caller);
      return {};
    }),
    governs('POST', 'test', async (call) => {
      const { id, events } = await webhooks.getSubscriber(idOf(call), kind);
      const event = call.fields.oneOf('event', DATABRICKS_EVENTS) ?? events[0] ?? '';
      const { status, text } = await testWebhook(deps, id, event);
      return { ...(status === null ? {} : { status_code: status }), body: text };
    }),
  ];
}

function governs(method: RestRoute['method'], call: string, handle: RestRoute['handle']): RestRoute {
  return { method, path: `/mlflow/registry-webhooks/${call}`, needs: 'govern', handle };
}

function readRest(fields: Fields) {
  return { description: fields.optionalText('description'), status: fields.oneOf('status', SUBSCRIBER_STATUSES) };
}

async function readTarget(fields: Fields, { policy }: WebhookRouteDeps) {
  if (fields.has('job_spec')) throw unsupported('job_spec', 'there are no Databricks jobs here; name an http_url_spec');
  const spec = fields.object('http_url_spec');
  if (spec?.optionalBoolean('enable_ssl_verification') === false)
    throw unsupported('http_url_spec.enable_ssl_verification', 'certificates are always verified');
  const url = spec?.optionalText('url');
  return {
    url: url === undefined ? undefined : targetOf(url, (await policy()).notifications),
    secret: spec === undefined ? undefined : secretOf(spec, 'secret'),
    authorization: spec === undefined ? undefined : secretOf(spec, 'authorization'),
  };
}

function unsupported(field: string, why: string): SuperstepError {
  return new SuperstepError('InvalidInput', `Parameter '${field}' is not supported: ${why}`, { field });
}

function eventsOf(fields: Fields, model: string): string[] {
  const events = fields.texts('events').map((name, i) => {
    const known = DATABRICKS_EVENTS.find((event) => event === name);
    if (known === undefined) throw invalidValue(`events[${i}]`, name, `one of ${DATABRICKS_EVENTS.join(', ')}`);
    return known;
  });
  if (model !== '' && events.includes('REGISTERED_MODEL_CREATED'))
    throw invalidValue(
      'events',
      'REGISTERED_MODEL_CREATED',
      'it only in webhooks of the whole registry (no model_name)',
    );
  return [...new Set(events)];
}

function webhookJson({ id, model, description, url, events, status, createdMs, updatedMs }: Subscriber) {
  return {
    ...{ id, events, status },
    ...(model === '' ? {} : { model_name: model }),
    ...(description === '' ? {} : { description }),
    creation_timestamp: createdMs,
    last_updated_timestamp: updatedMs,
    http_url_spec: { url, enable_ssl_verification: true },
  };
}
