import { continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { DeliverEventsInput, DeliverEventsResult } from '../contracts/deliver-events.ts';
import { deliveries } from './activities.ts';
import { beginStory } from './story.ts';

/**
 * Tells a subscriber all that it has not been told, in the order in which it happened, and ends when nothing is left.
 * What is left stands in the registry: a run that is terminated loses nothing, the doorbell starts the next one.
 */
export async function deliverEvents(input: DeliverEventsInput): Promise<DeliverEventsResult> {
  const { subscriber } = input;
  const story = beginStory('Event delivery');
  let delivered = input.delivered ?? 0;
  story.phase('deliver', `Telling **${subscriber}** what has happened.`);
  for (;;) {
    const batch = await deliveries.deliverBatch.executeWithOptions({ summary: `events for ${subscriber}` }, [
      { subscriber },
    ]);
    delivered += batch.delivered;
    if (batch.outcome !== 'more') {
      story.phase('done', `${delivered} events delivered. ${WHAT_NEXT[batch.outcome]}`);
      return { outcome: batch.outcome, delivered };
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof deliverEvents>({ subscriber, delivered });
  }
}

const WHAT_NEXT = {
  'nothing-left': 'Nothing is left; the next event starts another run.',
  disabled:
    'The receiver failed for a day and is disabled; `npm run webhooks -- enable` lets it go on where it stopped.',
  stopped: 'Somebody has disabled or deleted it meanwhile.',
} as const;
