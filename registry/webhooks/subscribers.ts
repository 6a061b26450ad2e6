import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { requireModel } from '../models/read-models.ts';
import { writeActivity } from '../activity-log.ts';
import { selectChainEnd } from '../audit/rows.ts';
import type { RegistryDatabase } from '../database.ts';
import type { Caller } from '../identity/caller.ts';
import type { SecretBox } from './secret-box.ts';
import type { SubscriberKind, WebhookKind } from './webhook-events.ts';

export const SUBSCRIBER_STATUSES = ['ACTIVE', 'DISABLED', 'TEST_MODE'] as const;
export type SubscriberStatus = (typeof SUBSCRIBER_STATUSES)[number];

/** Who is told of events: a webhook that somebody made, or a notifier that the policy names. Secrets stay inside. */
export interface Subscriber {
  readonly id: string;
  readonly kind: SubscriberKind;
  readonly name: string;
  readonly description: string;
  /** Empty for every model. */
  readonly model: string;
  readonly url: string | null;
  readonly events: readonly string[];
  readonly status: SubscriberStatus;
  /** The last row of the audit that is done with. */
  readonly cursor: number;
  readonly failingSince: string | null;
  /** Why it was disabled by itself. */
  readonly disabledReason: string | null;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** What a person may say about a webhook; what is undefined stays. A null secret is taken away. */
export interface WebhookChanges {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly url?: string | undefined;
  readonly events?: readonly string[] | undefined;
  readonly status?: SubscriberStatus | undefined;
  readonly secret?: string | null | undefined;
  readonly authorization?: string | null | undefined;
}

export interface NewWebhook extends WebhookChanges {
  readonly kind: WebhookKind;
  readonly model: string;
  readonly url: string;
  readonly events: readonly string[];
}

export interface SubscriberRow {
  readonly id: string;
  readonly kind: SubscriberKind;
  readonly name: string;
  readonly description: string;
  readonly model: string;
  readonly url: string | null;
  readonly events: string;
  readonly status: SubscriberStatus;
  readonly secret: string | null;
  readonly authorization: string | null;
  readonly cursor: number;
  readonly failing_since: string | null;
  readonly disabled_reason: string | null;
  readonly created_ms: number;
  readonly updated_ms: number;
}

const MOST_SUBSCRIBERS = 1000;

export interface SubscriberDeps {
  readonly db: RegistryDatabase;
  readonly secrets: SecretBox;
  readonly now: () => Date;
}

/** Webhooks as people make and change them. Each change is a row of the audit. */
export function createSubscribers({ db, secrets, now }: SubscriberDeps) {
  return {
    /** A webhook hears of what happens from now on. @throws UnknownModel, or InvalidInput when there are too many */
    createWebhook: (input: NewWebhook, caller: Caller): Promise<Subscriber> =>
      db.write(async (trx) => {
        if (input.model !== '') await requireModel(trx, input.model);
        await requireRoom(trx);
        const id = randomUUID();
        const ms = now().getTime();
        await trx('subscribers').insert({
          id,
          kind: input.kind,
          model: input.model,
          status: 'ACTIVE',
          cursor: 0,
          created_ms: ms,
          updated_ms: ms,
          ...columnsOf(secrets, id, input),
        });
        await audit(trx, { ...input, id }, 'CREATED_WEBHOOK', caller, now());
        // What its own making is, it is not told.
        await trx('subscribers')
          .where({ id })
          .update({ cursor: (await selectChainEnd(trx)).sequence });
        return requireSubscriber(trx, id);
      }),

    /** @throws UnknownResource */
    updateWebhook: (
      { id, kind, ...changes }: WebhookChanges & { readonly id: string; readonly kind: WebhookKind },
      caller: Caller,
    ): Promise<Subscriber> =>
      db.write(async (trx) => {
        const before = await requireSubscriber(trx, id, kind);
        const update = { ...columnsOf(secrets, id, changes), updated_ms: now().getTime() };
        await trx('subscribers').where({ id }).update(update);
        if (changes.status !== undefined && changes.status !== before.status)
          await changeStatus(trx, before, changes.status);
        await audit(trx, { ...before, ...changes, id }, 'UPDATED_WEBHOOK', caller, now());
        return requireSubscriber(trx, id);
      }),

    /** @throws UnknownResource */
    deleteWebhook: (id: string, kind: WebhookKind, caller: Caller): Promise<void> =>
      db.write(async (trx) => {
        const before = await requireSubscriber(trx, id, kind);
        const gone = { deleted_at: now().toISOString(), secret: null, authorization: null };
        await trx('subscribers').where({ id }).update(gone);
        await audit(trx, before, 'DELETED_WEBHOOK', caller, now());
      }),

    /** Goes on where it stopped, or (`skip`) with what happens from now on. @throws UnknownResource */
    enableSubscriber: (id: string, skip: boolean, caller: Caller): Promise<Subscriber> =>
      db.write(async (trx) => {
        const before = await requireSubscriber(trx, id);
        await audit(trx, before, 'ENABLED_WEBHOOK', caller, now());
        const { sequence } = await selectChainEnd(trx);
        const enabled = { status: 'ACTIVE', failing_since: null, disabled_reason: null };
        await trx('subscribers')
          .where({ id })
          .update({ ...enabled, ...(skip ? { cursor: sequence } : {}), updated_ms: now().getTime() });
        if (skip) await trx('deliveries').where({ subscriber_id: id, status: 'pending' }).delete();
        return requireSubscriber(trx, id);
      }),
  };
}

/** Who is told, for whoever looks. */
export function createSubscriberReads({ db }: Pick<SubscriberDeps, 'db'>) {
  return {
    /** @throws UnknownResource */
    getSubscriber: (id: string, kind?: WebhookKind): Promise<Subscriber> =>
      db.read((knex) => requireSubscriber(knex, id, kind)),

    /** In the order in which they were made; of one kind, or all. */
    listSubscribers: (kind?: WebhookKind): Promise<Subscriber[]> =>
      db.read(async (knex) => (await selectSubscribers(knex, kind === undefined ? {} : { kind })).map(toSubscriber)),
  };
}

/** The words that a delivery proves itself by; null where there is none. */
export function secretsOf(secrets: SecretBox, row: SubscriberRow) {
  const open = (sealed: string | null, what: string): string | null =>
    sealed === null ? null : secrets.open(sealed, purposeOf(row.id, what));
  return { secret: open(row.secret, 'secret'), authorization: open(row.authorization, 'authorization') };
}

export function selectSubscribers(knex: Knex, where: Readonly<Record<string, unknown>>): Promise<SubscriberRow[]> {
  return knex('subscribers').where(where).whereNull('deleted_at').orderBy('sequence').select<SubscriberRow[]>('*');
}

export function toSubscriber(row: SubscriberRow): Subscriber {
  const { id, kind, name, description, model, url, status } = row;
  return {
    ...{ id, kind, name, description, model, url, status },
    events: JSON.parse(row.events) as string[],
    cursor: row.cursor,
    failingSince: row.failing_since,
    disabledReason: row.disabled_reason,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  };
}

async function requireRoom(trx: Knex): Promise<void> {
  const present = (await selectSubscribers(trx, {})).length;
  if (present < MOST_SUBSCRIBERS) return;
  throw new SuperstepError('InvalidInput', `there are ${present} webhooks, and no more than that may be; delete some`);
}

async function requireSubscriber(knex: Knex, id: string, kind?: WebhookKind): Promise<Subscriber> {
  const [row] = await selectSubscribers(knex, kind === undefined ? { id } : { id, kind });
  if (row !== undefined) return toSubscriber(row);
  throw unknownSubscriber(id);
}

export function unknownSubscriber(id: string): SuperstepError {
  return new SuperstepError('UnknownResource', `there is no webhook "${id.slice(0, 100)}"; list them to see which are`);
}

function columnsOf(secrets: SecretBox, id: string, changes: WebhookChanges): Record<string, unknown> {
  const { name, description, url, events, status, secret, authorization } = changes;
  const sealed = (text: string | null | undefined, what: string): string | null | undefined =>
    typeof text === 'string' ? secrets.seal(text, purposeOf(id, what)) : text;
  const columns = {
    ...{ name, description, url, status },
    events: events === undefined ? undefined : JSON.stringify(events),
    secret: sealed(secret, 'secret'),
    authorization: sealed(authorization, 'authorization'),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function purposeOf(id: string, what: string): string {
  return `webhook ${id}, ${what}`;
}

/** What a person switched off it did not want to hear; what switched itself off has missed something. */
async function changeStatus(trx: Knex, before: Subscriber, status: SubscriberStatus): Promise<void> {
  const resumed = status === 'ACTIVE' && before.disabledReason === null;
  await trx('subscribers')
    .where({ id: before.id })
    .update({
      failing_since: null,
      disabled_reason: null,
      ...(resumed ? { cursor: (await selectChainEnd(trx)).sequence } : {}),
    });
  if (resumed) await trx('deliveries').where({ subscriber_id: before.id, status: 'pending' }).delete();
}

type Audited = Pick<Subscriber, 'id'> & WebhookChanges & Partial<Pick<Subscriber, 'kind' | 'model'>>;

/** Where the audit says so, secrets are named and never shown; of the address its host alone, for it may hold one. */
async function audit(
  trx: Knex,
  webhook: Omit<Audited, 'url'> & { readonly url?: string | null | undefined },
  action: 'CREATED_WEBHOOK' | 'UPDATED_WEBHOOK' | 'DELETED_WEBHOOK' | 'ENABLED_WEBHOOK',
  caller: Caller,
  at: Date,
): Promise<void> {
  const { id, kind, name, url, events, status, model } = webhook;
  const host = typeof url === 'string' ? new URL(url).host : null;
  await writeActivity(trx, {
    at: at.toISOString(),
    model: model ?? '',
    action,
    by: caller.name,
    proof: caller.proof,
    details: {
      webhook: id,
      kind: kind ?? null,
      name: name ?? '',
      host,
      events: events ?? [],
      status: status ?? 'ACTIVE',
      newSecret: typeof webhook.secret === 'string' || typeof webhook.authorization === 'string',
    },
  });
}
