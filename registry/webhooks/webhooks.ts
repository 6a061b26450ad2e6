import { createDeliveries } from './deliveries.ts';
import { createSubscriberReads, createSubscribers, type SubscriberDeps } from './subscribers.ts';

/** Webhooks and notifiers of one environment: who is told, and what they were told. */
export function createWebhooks(deps: SubscriberDeps) {
  return { ...createSubscribers(deps), ...createSubscriberReads(deps), ...createDeliveries(deps) };
}

export type Webhooks = ReturnType<typeof createWebhooks>;
