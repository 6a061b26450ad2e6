import type { Knex } from 'knex';

/** Who is told of events, and what each was told. */
export async function createWebhooks(trx: Knex): Promise<void> {
  await trx.schema.createTable('subscribers', (t) => {
    t.increments('sequence');
    t.text('id').notNullable().unique();
    // 'mlflow' or 'databricks' for webhooks; 'console', 'file', 'email' or 'chat' for notifiers of the policy.
    t.text('kind').notNullable();
    t.text('name').notNullable().defaultTo('');
    t.text('description').notNullable().defaultTo('');
    // Empty for events of every model.
    t.text('model').notNullable().defaultTo('');
    // Null where the policy or the workers know the place.
    t.text('url');
    // JSON list, in the words of the kind.
    t.text('events').notNullable();
    // 'ACTIVE', 'DISABLED' or 'TEST_MODE'
    t.text('status').notNullable();
    // Sealed with the key file of the environment.
    t.text('secret');
    t.text('authorization');
    // The last row of the audit that is done with.
    t.bigInteger('cursor').notNullable();
    // Since when every try has failed; null after a success.
    t.text('failing_since');
    // Why it was disabled by itself; null when a person did it.
    t.text('disabled_reason');
    t.bigInteger('created_ms').notNullable();
    t.bigInteger('updated_ms').notNullable();
    t.text('deleted_at');
  });
  await trx.schema.createTable('deliveries', (t) => {
    t.text('subscriber_id').notNullable().references('subscribers.id');
    // The row of the audit that is told.
    t.bigInteger('activity').notNullable();
    t.text('event').notNullable();
    // One act may be two events; they go out in this order.
    t.integer('place').notNullable().defaultTo(0);
    // The same at each try: a receiver tells repeats by it.
    t.text('delivery_id').notNullable().unique();
    // 'pending' or 'delivered'
    t.text('status').notNullable();
    // What is sent, the same bytes at each try; null when it is delivered.
    t.text('body');
    t.integer('attempts').notNullable().defaultTo(0);
    t.integer('response_status');
    t.text('problem');
    t.text('created_at').notNullable();
    t.text('last_attempt_at');
    t.text('delivered_at');
    t.primary(['subscriber_id', 'activity', 'event']);
  });
}
