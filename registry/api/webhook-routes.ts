import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Delivery } from '../webhooks/deliveries.ts';
import type { Subscriber } from '../webhooks/subscribers.ts';
import { createDatabricksWebhookRoutes } from './databricks-webhook-routes.ts';
import { createMlflowWebhookRoutes } from './mlflow-webhook-routes.ts';
import type { RestCall, RestRoute } from './route.ts';
import { testWebhook, type WebhookRouteDeps } from './test-webhook.ts';

const MOST_DELIVERIES = 1000;
const SHOWN_DELIVERIES = 50;

/**
 * Webhooks by MLflow's calls and by Databricks', and, for the command line, all that are told, notifiers too. They are
 * governance's: a webhook tells the world what the registry does.
 */
export function createWebhookRoutes(deps: WebhookRouteDeps): RestRoute[] {
  const { webhooks } = deps;
  const idOf = ({ fields }: RestCall): string => fields.text('id');
  return [
    ...createMlflowWebhookRoutes(deps),
    ...createDatabricksWebhookRoutes(deps),
    governs('GET', '', async () => ({ subscribers: (await webhooks.listSubscribers()).map(subscriberJson) })),
    governs('GET', '/:id/deliveries', async (call) => {
      const limit = call.fields.optionalInteger('max_results') ?? SHOWN_DELIVERIES;
      if (limit < 1 || limit > MOST_DELIVERIES)
        throw new SuperstepError('InvalidInput', `max_results is ${limit}; expected 1 to ${MOST_DELIVERIES}`);
      const { id } = await webhooks.getSubscriber(idOf(call));
      return { deliveries: (await webhooks.listDeliveries(id, limit)).map(deliveryJson) };
    }),
    governs('POST', '/:id/enable', async (call) => {
      const skip = call.fields.optionalBoolean('skip') ?? false;
      return { subscriber: subscriberJson(await webhooks.enableSubscriber(idOf(call), skip, call.caller)) };
    }),
    governs('POST', '/:id/test', async (call) => {
      const { id, events } = await webhooks.getSubscriber(idOf(call));
      const { taken, status, text } = await testWebhook(deps, id, events[0] ?? '');
      return { success: taken, ...(status === null ? {} : { response_status: status }), message: text };
    }),
  ];
}

function governs(method: RestRoute['method'], path: string, handle: RestRoute['handle']): RestRoute {
  return { method, path: `/superstep/webhooks${path}`, needs: 'govern', handle };
}

function subscriberJson(subscriber: Subscriber) {
  const { id, kind, name, description, model, url, events, status, failingSince, disabledReason } = subscriber;
  return {
    ...{ id, kind, name, description, model, events, status },
    // An address may hold a secret in its path.
    host: url === null ? null : new URL(url).host,
    failing_since: failingSince,
    disabled_reason: disabledReason,
  };
}

function deliveryJson(delivery: Delivery) {
  return {
    delivery_id: delivery.deliveryId,
    activity: delivery.activity,
    event: delivery.event,
    status: delivery.status,
    attempts: delivery.attempts,
    response_status: delivery.responseStatus,
    problem: delivery.problem,
    created_at: delivery.createdAt,
    last_attempt_at: delivery.lastAttemptAt,
    delivered_at: delivery.deliveredAt,
  };
}
