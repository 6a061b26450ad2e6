import type { Knex } from 'knex';
import type { NotificationPolicy } from '../../contracts/schemas/notifications.ts';
import { selectChainEnd } from '../audit/rows.ts';
import { sha256Hex } from '../canonical-json.ts';
import type { RegistryDatabase } from '../database.ts';
import type { SubscriberKind, WebhookKind } from './webhook-events.ts';

/** A notifier that the policy names; its id follows from what it is. */
export interface Notifier {
  readonly id: string;
  readonly kind: Exclude<SubscriberKind, WebhookKind>;
}

/** The notifiers of a policy. The address of a chat is its secret: the id holds a digest of it. */
export function notifiersOf(policy: NotificationPolicy): Notifier[] {
  return [
    ...(policy.console ? [{ id: 'notify-console', kind: 'console' as const }] : []),
    ...(policy.file ? [{ id: 'notify-file', kind: 'file' as const }] : []),
    ...(policy.email === undefined ? [] : [{ id: 'notify-email', kind: 'email' as const }]),
    ...[...new Set(policy.chat)].map((url) => ({ id: chatId(url), kind: 'chat' as const })),
  ];
}

/** The address of a chat of the policy; undefined when the policy names it no more. */
export function chatUrl(policy: NotificationPolicy, id: string): string | undefined {
  return policy.chat.find((url) => chatId(url) === id);
}

function chatId(url: string): string {
  return `notify-chat-${sha256Hex(url).slice(0, 8)}`;
}

/**
 * Makes the subscribers that the policy names, and takes away those that it does not name any more. A new one is told
 * what happens from now on.
 */
export async function syncNotifiers(
  { db, now }: { readonly db: RegistryDatabase; readonly now: () => Date },
  policy: NotificationPolicy,
): Promise<void> {
  const wanted = notifiersOf(policy);
  // Nearly always nothing has changed, and a read does not queue.
  if (isSame(wanted, await db.read(presentNotifiers))) return;
  await db.write(async (trx) => {
    const present = await presentNotifiers(trx);
    const at = now();
    const { sequence } = await selectChainEnd(trx);
    for (const { id } of present.filter((notifier) => !wanted.some((other) => other.id === notifier.id)))
      await trx('subscribers').where({ id }).update({ deleted_at: at.toISOString() });
    for (const { id, kind } of wanted.filter((notifier) => !present.some((other) => other.id === notifier.id))) {
      await trx('deliveries').where({ subscriber_id: id, status: 'pending' }).delete();
      const fresh = {
        status: 'ACTIVE',
        cursor: sequence,
        failing_since: null,
        disabled_reason: null,
        deleted_at: null,
      };
      const times = { created_ms: at.getTime(), updated_ms: at.getTime() };
      await trx('subscribers')
        .insert({ id, kind, name: id, events: '[]', ...fresh, ...times })
        .onConflict('id')
        .merge();
    }
  });
}

function presentNotifiers(knex: Knex): Promise<{ readonly id: string }[]> {
  return knex('subscribers').whereNotIn('kind', ['mlflow', 'databricks']).whereNull('deleted_at').select('id');
}

function isSame(a: readonly { readonly id: string }[], b: readonly { readonly id: string }[]): boolean {
  const ids = (list: typeof a): string =>
    list
      .map(({ id }) => id)
      .sort()
      .join();
  return ids(a) === ids(b);
}
