import type { Policy } from '../../contracts/schemas/policy.ts';
import { sendDelivery, type SendDeps } from '../webhooks/send.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';

export interface WebhookRouteDeps {
  readonly webhooks: Webhooks;
  /** The environment's policy of today. */
  readonly policy: () => Promise<Policy>;
  /** What test calls are sent with. */
  readonly sending: SendDeps;
}

/** What became of a test call, in words that do not repeat what the target said. */
export interface TestedWebhook {
  readonly taken: boolean;
  readonly status: number | null;
  readonly text: string;
}

/** Sends an event that nobody caused, at once and without a second try. */
export async function testWebhook(deps: WebhookRouteDeps, id: string, event: string): Promise<TestedWebhook> {
  const delivery = await deps.webhooks.testDelivery(id, event);
  const result = await sendDelivery(delivery, (await deps.policy()).notifications, deps.sending);
  return {
    taken: result.problem === null,
    status: result.responseStatus,
    text: result.problem ?? 'the test event was taken',
  };
}
