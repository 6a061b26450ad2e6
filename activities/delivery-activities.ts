import { Context } from '@temporalio/activity';
import type { DeliverBatchInput, DeliveredBatch } from '../contracts/deliver-events.ts';
import type { Environment } from '../contracts/environments.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { loadPolicy } from '../projects/load-policy.ts';
import type { RegistryDatabase } from '../registry/database.ts';
import { createDeliveries } from '../registry/webhooks/deliveries.ts';
import { sendDelivery } from '../registry/webhooks/send.ts';
import type { SecretBox } from '../registry/webhooks/secret-box.ts';

export type DeliveryActivities = ReturnType<typeof createDeliveryActivities>;

export interface DeliveryDependencies {
  readonly db: RegistryDatabase;
  readonly environment: Environment;
  readonly policies: string;
  /** The environment's folder. */
  readonly home: string;
  readonly secrets: SecretBox;
  readonly now: () => Date;
  /** Writes a text for people to the output of the process. */
  readonly print: (text: string) => void;
  /** What a variable that the policy names as mail server holds. */
  readonly smtp: (variable: string) => string | undefined;
  /** Milliseconds that a receiver has for its answer; the default is 30 s. */
  readonly answerWithinMs?: number;
}

/** How long a receiver may fail before it is given up. */
const PATIENCE_MS = 24 * 60 * 60 * 1000;
const MOST_AT_ONCE = 100;
/** A try's time limit holds for the whole batch: no event is begun after this. */
const BEGIN_WITHIN_MS = 60_000;

/** Events on their way to subscribers. */
export function createDeliveryActivities(deps: DeliveryDependencies) {
  const { db, environment, policies, now } = deps;
  const deliveries = createDeliveries({ db, now });
  return {
    /**
     * Delivers events of one subscriber, in order. Each is written down before and after it is sent: a process that dies
     * between sends the event again, under the same id.
     *
     * @throws InvalidInput without a subscriber
     * @throws SourceUnavailable when the receiver does not take one: it is tried again, for a day
     */
    async deliverBatch({ subscriber }: Partial<DeliverBatchInput>): Promise<DeliveredBatch> {
      if (typeof subscriber !== 'string' || subscriber === '')
        throw new SuperstepError(
          'InvalidInput',
          'expected { "subscriber": "<id>" }; npm run webhooks -- list shows them',
        );
      const { notifications } = (await loadPolicy(policies, environment)).policy;
      const { cancellationSignal } = Context.current();
      const begun = now().getTime();
      let delivered = 0;
      while (delivered < MOST_AT_ONCE && now().getTime() - begun < BEGIN_WITHIN_MS) {
        const next = await deliveries.nextDelivery(subscriber);
        if (next === 'stopped') return { outcome: 'stopped', delivered };
        if (next === 'nothing') return { outcome: 'nothing-left', delivered };
        const result = await sendDelivery(next, notifications, deps, cancellationSignal);
        await deliveries.recordAttempt(subscriber, next.deliveryId, result);
        if (result.problem === null) {
          delivered += 1;
          continue;
        }
        if (await deliveries.disableIfHopeless(subscriber, PATIENCE_MS)) return { outcome: 'disabled', delivered };
        throw new SuperstepError(
          'SourceUnavailable',
          `${subscriber} did not take ${next.event} (delivery ${next.deliveryId}): ${result.problem}; it is tried again for a day, then the subscriber is disabled; npm run webhooks -- deliveries ${subscriber}`,
          { subscriber, deliveryId: next.deliveryId, problem: result.problem },
        );
      }
      return { outcome: 'more', delivered };
    },
  };
}
