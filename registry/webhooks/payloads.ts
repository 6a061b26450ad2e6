import type { Knex } from 'knex';
import type { Activity } from '../activity-log.ts';
import { MOST_BODY_BYTES } from './guarded-post.ts';
import type { SubscriberKind } from './webhook-events.ts';

/** The JSON text that tells an event, in the protocol of the subscriber; the same from now on, whatever changes. */
export async function payloadOf(
  knex: Knex,
  subscriber: { readonly id: string; readonly kind: SubscriberKind },
  event: string,
  activity: Activity,
): Promise<string> {
  if (subscriber.kind === 'databricks') return databricksPayload(subscriber.id, event, activity);
  if (subscriber.kind === 'mlflow') return mlflowPayload(event, activity, await factsOf(knex, event, activity));
  // Notices are written when they are sent, in the form of their place.
  return JSON.stringify(activity);
}

/** The body of a test call: an event that nobody caused. */
export function testPayload(
  subscriber: { readonly id: string; readonly kind: SubscriberKind },
  event: string,
  at: Date,
): string {
  const activity = sampleActivity(at);
  if (subscriber.kind === 'databricks') return databricksPayload(subscriber.id, event, activity);
  if (subscriber.kind !== 'mlflow') return JSON.stringify({ ...activity, action: 'NEW_COMMENT' });
  const facts = event.startsWith('registered_model')
    ? { tags: {} }
    : { source: 'models:/example/1', run_id: '', tags: {} };
  return mlflowPayload(event, activity, { ...facts, description: 'a test of the webhook' });
}

function databricksPayload(webhookId: string, event: string, activity: Activity): string {
  const { at, model, version, toStage, by, comment } = activity;
  const fromStage = activity.fromStage ?? pick(activity.details, ['fromStage'])['fromStage'] ?? null;
  const move = typeof fromStage === 'string' ? `from ${fromStage} to ${toStage}` : `to ${toStage}`;
  const subject = version === 0 ? model : `${model} version ${version}`;
  const text = `${event}: ${subject}${toStage === null ? '' : ` ${move}`} by ${by}${comment === '' ? '' : `: ${comment}`}`;
  return JSON.stringify({
    event,
    webhook_id: webhookId,
    event_timestamp: Date.parse(at),
    model_name: model,
    ...(version === 0 ? {} : { version: String(version) }),
    ...(fromStage === null ? {} : { from_stage: fromStage }),
    ...(toStage === null ? {} : { to_stage: toStage }),
    text: text.slice(0, 10_000),
    ...(event === 'MODEL_VERSION_TAG_SET' ? { ...pick(activity.details, ['key', 'value']) } : {}),
  });
}

function mlflowPayload(event: string, activity: Activity, facts: Readonly<Record<string, unknown>>): string {
  const [entity, action] = event.split('.');
  const { model: name, version, at } = activity;
  const named = { name, ...(version === 0 ? {} : { version: String(version) }) };
  const body = (data: object): string => JSON.stringify({ entity, action, timestamp: at, data: { ...named, ...data } });
  const full = body(facts);
  if (Buffer.byteLength(full) <= MOST_BODY_BYTES) return full;
  // Tags of 100,000 letters: the receiver can ask for them.
  const { tags: _, description, ...rest } = facts;
  return body({ ...rest, tags: {}, description: String(description).slice(0, 1000) });
}

/** What MLflow's payloads tell beside names, as the registry has it when the event is prepared. */
async function factsOf(knex: Knex, event: string, activity: Activity): Promise<Record<string, unknown>> {
  const { model, version, comment } = activity;
  switch (event) {
    case 'registered_model.created':
      return { tags: await tagsOf(knex('registered_model_tags').where({ model })), description: comment };
    case 'model_version.created': {
      const row = await knex('model_versions')
        .where({ model, version })
        .first<{ source: string | null; run_id: string | null; description: string } | undefined>(
          'source',
          'run_id',
          'description',
        );
      return {
        source: row?.source ?? '',
        run_id: row?.run_id ?? '',
        tags: await tagsOf(knex('model_version_tags').where({ model, version })),
        description: row?.description ?? comment,
      };
    }
    case 'model_version_tag.set':
      return pick(activity.details, ['key', 'value']);
    case 'model_version_tag.deleted':
      return pick(activity.details, ['key']);
    default:
      return pick(activity.details, ['alias']);
  }
}

async function tagsOf(query: Knex.QueryBuilder): Promise<Record<string, string>> {
  const rows = await query.orderBy('key').select<{ key: string; value: string }[]>('key', 'value');
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

function pick(details: Activity['details'], keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.flatMap((key) => (details?.[key] === undefined ? [] : [[key, details[key]]])));
}

function sampleActivity(at: Date): Activity {
  return {
    sequence: 0,
    at: at.toISOString(),
    model: 'example',
    version: 1,
    action: 'REGISTERED_VERSION',
    fromStage: null,
    toStage: 'None',
    by: 'superstep',
    proof: 'claimed',
    comment: 'a test of the webhook',
    evidenceDigest: null,
    workflowId: null,
    workflowRunId: null,
    details: { key: 'example', value: 'example', alias: 'example' },
  };
}
