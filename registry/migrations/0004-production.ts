import type { Knex } from 'knex';
import { ofVersion } from './0002-models.ts';

/** Who was in Production when, retrainings, and the results that repeated calls find again. */
export async function createProduction(trx: Knex): Promise<void> {
  await trx.schema.createTable('production_history', (t) => {
    t.increments('id');
    ofVersion(t);
    t.text('entered_at').notNullable();
    t.text('left_at');
    // 'promotion' or 'rollback'
    t.text('entered_through').notNullable();
    t.string('request_id', 32).references('transition_requests.id');
    t.text('evidence_digest');
    t.text('decided_by').notNullable();
    t.text('reason').notNullable();
    t.text('workflow_id');
    t.boolean('rolled_back_from').notNullable().defaultTo(false);
    t.index(['model', 'entered_at']);
  });
  await trx.raw(
    `create unique index production_history_one_current on production_history (model) where left_at is null`,
  );
  await trx.schema.createTable('retraining_leases', (t) => {
    t.text('model').primary();
    t.text('holder').notNullable();
    t.text('acquired_at').notNullable();
    t.text('expires_at').notNullable();
  });
  await trx.schema.createTable('retrainings', (t) => {
    t.text('model').notNullable();
    t.text('workflow_id').notNullable();
    t.text('as_of').notNullable();
    t.text('monitored_window').notNullable();
    t.text('granted_at').notNullable();
    t.text('released_at');
    t.primary(['model', 'workflow_id']);
  });
  await trx.schema.createTable('completed_operations', (t) => {
    t.text('operation').notNullable();
    t.text('natural_key').notNullable();
    t.text('result').notNullable();
    t.text('completed_at').notNullable();
    t.primary(['operation', 'natural_key']);
  });
}
