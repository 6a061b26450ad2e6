import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { toActivity, writeActivity, type Activity } from '../activity-log.ts';
import { selectRowsAfter } from '../audit/rows.ts';
import { sha256Hex } from '../canonical-json.ts';
import type { RegistryDatabase } from '../database.ts';
import { payloadOf, testPayload } from './payloads.ts';
import { selectSubscribers, toSubscriber, unknownSubscriber, type SubscriberRow } from './subscribers.ts';
import { eventsFor } from './webhook-events.ts';

/** An event on its way to a subscriber. */
export interface Delivery {
  readonly deliveryId: string;
  /** Row of the audit that it tells. */
  readonly activity: number;
  readonly event: string;
  readonly status: 'pending' | 'delivered';
  readonly attempts: number;
  readonly responseStatus: number | null;
  readonly problem: string | null;
  readonly createdAt: string;
  readonly lastAttemptAt: string | null;
  readonly deliveredAt: string | null;
}

/** What is to be sent next, and to whom. */
export interface NextDelivery {
  readonly row: SubscriberRow;
  readonly deliveryId: string;
  readonly event: string;
  readonly body: string;
}

export interface AttemptResult {
  readonly responseStatus: number | null;
  /** Null for a success. */
  readonly problem: string | null;
}

interface DeliveryRow {
  readonly subscriber_id: string;
  readonly activity: number;
  readonly event: string;
  readonly delivery_id: string;
  readonly status: 'pending' | 'delivered';
  readonly body: string | null;
  readonly attempts: number;
  readonly response_status: number | null;
  readonly problem: string | null;
  readonly created_at: string;
  readonly last_attempt_at: string | null;
  readonly delivered_at: string | null;
}

const ROWS_AT_ONCE = 500;
/** Other writers wait meanwhile; what is behind these pages, the doorbell finds. */
const MOST_PAGES = 20;

/** What each subscriber is told, in the order of the audit: while an event is on its way, the next one waits. */
export function createDeliveries({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * The event that is on its way, or the next one, which then is. `nothing` when all is delivered, `stopped` for a
     * subscriber that is not active.
     */
    nextDelivery: (subscriber: string): Promise<NextDelivery | 'nothing' | 'stopped'> =>
      db.write(async (trx) => {
        for (let page = 0; page < MOST_PAGES; page++) {
          const [row] = await selectSubscribers(trx, { id: subscriber });
          if (row?.status !== 'ACTIVE') return 'stopped';
          const [pending] = await pendingOf(trx, subscriber);
          if (pending !== undefined)
            return { row, deliveryId: pending.delivery_id, event: pending.event, body: pending.body ?? '' };
          if (!(await prepareNext(trx, row, now().toISOString()))) return 'nothing';
        }
        return 'nothing';
      }),

    /** Writes down how a try went. */
    recordAttempt: (subscriber: string, deliveryId: string, result: AttemptResult): Promise<void> =>
      db.write(async (trx) => {
        const at = now().toISOString();
        const delivered = result.problem === null;
        const changed = await trx('deliveries')
          .where({ subscriber_id: subscriber, delivery_id: deliveryId, status: 'pending' })
          .update({
            attempts: trx.raw('attempts + 1'),
            response_status: result.responseStatus,
            problem: result.problem,
            last_attempt_at: at,
            ...(delivered ? { status: 'delivered', delivered_at: at, body: null } : {}),
          });
        // Another process has recorded its success, or a person has skipped it.
        if (changed === 0) return;
        const of = trx('subscribers').where({ id: subscriber });
        if (delivered) await of.update({ failing_since: null });
        else await of.whereNull('failing_since').update({ failing_since: at });
      }),

    /**
     * Disables a subscriber that has failed for `patienceMs`, with a notice in the audit, which tells the others.
     * Answers whether it is disabled.
     */
    disableIfHopeless: (subscriber: string, patienceMs: number): Promise<boolean> =>
      db.write((trx) => disableIfHopeless(trx, subscriber, patienceMs, now())),

    /** An event that nobody caused, to send at once; it is not written down. @throws UnknownResource */
    testDelivery: (subscriber: string, event: string): Promise<NextDelivery> =>
      db.read(async (knex) => {
        const [row] = await selectSubscribers(knex, { id: subscriber });
        if (row === undefined) throw unknownSubscriber(subscriber);
        return { row, event, deliveryId: randomUUID(), body: testPayload(row, event, now()) };
      }),

    /** The newest first. */
    listDeliveries: (subscriber: string, limit: number): Promise<Delivery[]> =>
      db.read(async (knex) => {
        const rows = await knex('deliveries')
          .where({ subscriber_id: subscriber })
          .orderBy([
            { column: 'activity', order: 'desc' },
            { column: 'place', order: 'desc' },
          ])
          .limit(limit)
          .select<DeliveryRow[]>('*');
        return rows.map(toDelivery);
      }),
  };
}

async function disableIfHopeless(trx: Knex, subscriber: string, patienceMs: number, at: Date): Promise<boolean> {
  const [row] = await selectSubscribers(trx, { id: subscriber });
  if (row === undefined || row.status === 'DISABLED') return true;
  if (row.failing_since === null || at.getTime() - Date.parse(row.failing_since) < patienceMs) return false;
  const [pending] = await pendingOf(trx, subscriber);
  const reason = `failed since ${row.failing_since}, the last time with: ${pending?.problem ?? 'no answer'}`;
  await trx('subscribers')
    .where({ id: subscriber })
    .update({ status: 'DISABLED', disabled_reason: reason, updated_ms: at.getTime() });
  await writeActivity(trx, {
    at: at.toISOString(),
    model: row.model,
    action: 'DISABLED_WEBHOOK',
    by: 'superstep',
    comment: reason,
    details: {
      webhook: subscriber,
      kind: row.kind,
      name: row.name === '' ? subscriber : row.name,
      commands: [`npm run webhooks -- enable ${subscriber}`],
    },
  });
  return true;
}

function pendingOf(knex: Knex, subscriber: string): Promise<DeliveryRow[]> {
  return knex('deliveries')
    .where({ subscriber_id: subscriber, status: 'pending' })
    .orderBy(['activity', 'place'])
    .limit(1)
    .select<DeliveryRow[]>('*');
}

function toDelivery(row: DeliveryRow): Delivery {
  return {
    deliveryId: row.delivery_id,
    activity: row.activity,
    event: row.event,
    status: row.status,
    attempts: row.attempts,
    responseStatus: row.response_status,
    problem: row.problem,
    createdAt: row.created_at,
    lastAttemptAt: row.last_attempt_at,
    deliveredAt: row.delivered_at,
  };
}

/** Rows of the audit behind a sequence, as activities. */
export async function activitiesAfter(knex: Knex, sequence: number): Promise<Activity[]> {
  return (await selectRowsAfter(knex, sequence, ROWS_AT_ONCE)).map(toActivity);
}

/** The first of these acts that is an event for a subscriber, and the last of those before it. */
export function firstEvent(row: SubscriberRow, activities: readonly Activity[]) {
  let { model } = row;
  for (const activity of activities) {
    const events = eventsFor({ ...toSubscriber(row), model }, activity);
    if (events.length > 0) return { activity, events, model };
    // A webhook of a model follows it to its new name.
    if (activity.action === 'RENAMED_MODEL' && model !== '' && activity.model === model) {
      const newName = activity.details?.['newName'];
      if (typeof newName === 'string') model = newName;
    }
  }
  return { activity: undefined, events: [], model };
}

/** Moves the cursor to the next act that is an event, and puts that on its way. False when there is none. */
async function prepareNext(trx: Knex, row: SubscriberRow, at: string): Promise<boolean> {
  const activities = await activitiesAfter(trx, row.cursor);
  const { activity, events, model } = firstEvent(row, activities);
  const cursor = activity?.sequence ?? activities.at(-1)?.sequence ?? row.cursor;
  if (cursor !== row.cursor || model !== row.model)
    await trx('subscribers').where({ id: row.id }).update({ cursor, model });
  if (activity === undefined) return activities.length === ROWS_AT_ONCE;
  for (const [place, event] of events.entries())
    await trx('deliveries').insert({
      subscriber_id: row.id,
      activity: activity.sequence,
      event,
      delivery_id: sha256Hex(`delivery\n${row.id}\n${activity.sequence}\n${event}`).slice(0, 32),
      status: 'pending',
      place,
      body: await payloadOf(trx, row, event, activity),
      created_at: at,
    });
  return true;
}
