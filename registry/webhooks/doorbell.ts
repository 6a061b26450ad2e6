import type { Knex } from 'knex';
import type { NotificationPolicy } from '../../contracts/schemas/notifications.ts';
import { selectChainEnd } from '../audit/rows.ts';
import type { RegistryDatabase } from '../database.ts';
import { activitiesAfter, firstEvent } from './deliveries.ts';
import { syncNotifiers } from './notifiers.ts';
import { selectSubscribers, type SubscriberRow } from './subscribers.ts';

export interface DoorbellDeps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
  /** Section `notifications` of the environment's policy, as it stands. */
  readonly notifications: () => Promise<NotificationPolicy>;
  /** Starts `deliverEvents` for a subscriber under its recommended id; one that runs already is as good. */
  readonly start: (subscriber: string) => Promise<void>;
}

/** A run that ended while its doorbell rang is started this much later at the latest. */
const RING_AGAIN_AFTER_MS = 5_000;

/**
 * Starts the deliveries that are due. Ring it each second or so: what is due stands in the tables, so nothing is lost
 * when a process dies, and any number of processes may ring. A subscriber without events behind its cursor costs one
 * cheap query.
 */
export function createDoorbell({ db, now, notifications, start }: DoorbellDeps) {
  const rung = new Map<string, { readonly cursor: number; readonly atMs: number }>();
  const isQuiet = ({ id, cursor }: SubscriberRow): boolean => {
    const last = rung.get(id);
    return last?.cursor === cursor && now().getTime() - last.atMs < RING_AGAIN_AFTER_MS;
  };
  return {
    /** Answers the subscribers whose delivery was started or runs already. */
    startDueDeliveries: async (): Promise<string[]> => {
      await syncNotifiers({ db, now }, await notifications());
      const started: string[] = [];
      for (const row of await dueSubscribers(db)) {
        if (isQuiet(row)) continue;
        await start(row.id);
        rung.set(row.id, { cursor: row.cursor, atMs: now().getTime() });
        started.push(row.id);
      }
      return started;
    },
  };
}

/** Active subscribers with an event on its way or behind the cursor; the cursors of the others catch up. */
async function dueSubscribers(db: RegistryDatabase): Promise<SubscriberRow[]> {
  const { due, behind } = await db.read(look);
  if (behind.length > 0)
    await db.write(async (trx) => {
      // Looked at again, alone: an event may have come between, or its words may have changed.
      for (const { id, cursor } of (await look(trx)).behind) await trx('subscribers').where({ id }).update({ cursor });
    });
  return due;
}

interface Standing {
  readonly due: SubscriberRow[];
  /** Those that may skip to a later row of the audit, since nothing until there is for them. */
  readonly behind: { readonly id: string; readonly cursor: number }[];
}

async function look(knex: Knex): Promise<Standing> {
  const { sequence } = await selectChainEnd(knex);
  const waiting = new Set(
    (await knex('deliveries').where({ status: 'pending' }).distinct().pluck('subscriber_id')) as string[],
  );
  const due: SubscriberRow[] = [];
  const behind: { id: string; cursor: number }[] = [];
  for (const row of await selectSubscribers(knex, { status: 'ACTIVE' })) {
    if (waiting.has(row.id)) due.push(row);
    if (waiting.has(row.id) || row.cursor >= sequence) continue;
    const activities = await activitiesAfter(knex, row.cursor);
    const { activity, model } = firstEvent(row, activities);
    const last = activities.at(-1)?.sequence;
    // A new name is taken over by the delivery itself, in order.
    if (activity !== undefined || model !== row.model) due.push(row);
    else if (last !== undefined) behind.push({ id: row.id, cursor: last });
  }
  return { due, behind };
}
