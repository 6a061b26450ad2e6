import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Subscriber } from '../webhooks/subscribers.ts';
import { MLFLOW_EVENTS } from '../webhooks/webhook-events.ts';
import { invalidValue, missing, type Fields } from './fields.ts';
import type { RestCall, RestRoute } from './route.ts';
import { pageOf, secretOf, targetOf } from './webhook-fields.ts';
import { testWebhook, type WebhookRouteDeps } from './test-webhook.ts';

const STATUSES = ['ACTIVE', 'DISABLED'] as const;
/** In the order in which MLflow numbers them. */
const ENTITIES = ['REGISTERED_MODEL', 'MODEL_VERSION', 'MODEL_VERSION_TAG', 'MODEL_VERSION_ALIAS'] as const;
const ACTIONS = ['CREATED', 'UPDATED', 'DELETED', 'SET'] as const;
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/i;

/** Webhooks as open-source MLflow's clients make them. */
export function createMlflowWebhookRoutes(deps: WebhookRouteDeps): RestRoute[] {
  const { webhooks, policy } = deps;
  const kind = 'mlflow';
  const idOf = ({ fields }: RestCall): string => fields.text('webhook_id');
  return [
    governs('POST', '', async ({ fields, caller }) => {
      const input = {
        ...({ kind, model: '', name: nameOf(fields.text('name')), events: eventsOf(fields) } as const),
        url: targetOf(fields.text('url'), (await policy()).notifications),
        description: fields.optionalText('description'),
        secret: secretOf(fields, 'secret'),
        status: fields.oneOf('status', STATUSES),
      };
      return { webhook: webhookJson(await webhooks.createWebhook(input, caller)) };
    }),
    governs('GET', '', async ({ fields }) => {
      const { items, ...next } = pageOf(await webhooks.listSubscribers(kind), fields, 100);
      return { ...(items.length === 0 ? {} : { webhooks: items.map(webhookJson) }), ...next };
    }),
    governs('GET', '/:webhook_id', async (call) => ({
      webhook: webhookJson(await webhooks.getSubscriber(idOf(call), kind)),
    })),
    governs('PATCH', '/:webhook_id', async (call) => {
      const { fields, caller } = call;
      const [name, url] = [fields.optionalText('name'), fields.optionalText('url')];
      const changes = {
        name: name === undefined ? undefined : nameOf(name),
        url: url === undefined ? undefined : targetOf(url, (await policy()).notifications),
        events: fields.list('events').length === 0 ? undefined : eventsOf(fields),
        description: fields.optionalText('description'),
        secret: secretOf(fields, 'secret'),
        status: fields.oneOf('status', STATUSES),
      };
      return { webhook: webhookJson(await webhooks.updateWebhook({ id: idOf(call), kind, ...changes }, caller)) };
    }),
    governs('DELETE', '/:webhook_id', async (call) => {
      await webhooks.deleteWebhook(idOf(call), kind, call.caller);
      return {};
    }),
    governs('POST', '/:webhook_id/test', async (call) => {
      const { id, events } = await webhooks.getSubscriber(idOf(call), kind);
      const asked = call.fields.object('event');
      const { taken, status, text } = await testWebhook(
        deps,
        id,
        asked === undefined ? (events[0] ?? '') : eventOf(asked),
      );
      const answered = status === null ? {} : { response_status: status };
      return {
        result: { success: taken, ...answered, ...(taken ? { response_body: text } : { error_message: text }) },
      };
    }),
  ];
}

function governs(method: RestRoute['method'], path: string, handle: RestRoute['handle']): RestRoute {
  return { method, path: `/mlflow/webhooks${path}`, needs: 'govern', handle };
}

function nameOf(name: string): string {
  if (NAME.test(name)) return name;
  throw invalidValue(
    'name',
    name,
    'at most 63 letters, digits, dots, dashes or underscores, the first and last no sign',
  );
}

function eventsOf(fields: Fields): string[] {
  const events = [...new Set(fields.list('events').map(eventOf))];
  if (events.length === 0) throw missing('events');
  return events;
}

function eventOf(fields: Fields): string {
  const [entity, action] = [fields.oneOf('entity', ENTITIES), fields.oneOf('action', ACTIONS)];
  if (entity === undefined) throw missing('events.entity');
  if (action === undefined) throw missing('events.action');
  const event = MLFLOW_EVENTS.find((known) => known === `${entity}.${action}`.toLowerCase());
  if (event !== undefined) return event;
  const known = MLFLOW_EVENTS.map((name) => name.toUpperCase().replace('.', ':')).join(', ');
  throw new SuperstepError('InvalidInput', `Invalid event ${entity}:${action}: expected one of ${known}`);
}

function webhookJson({ id, name, description, url, events, status, createdMs, updatedMs }: Subscriber) {
  return {
    ...{ webhook_id: id, name, url, status },
    ...(description === '' ? {} : { description }),
    events: events.map((event) => {
      const [entity = '', action = ''] = event.toUpperCase().split('.');
      return { entity, action };
    }),
    creation_timestamp: createdMs,
    last_updated_timestamp: updatedMs,
  };
}
