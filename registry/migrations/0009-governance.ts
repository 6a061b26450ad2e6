import type { Knex } from 'knex';

/** What governance keeps beside the gates: waivers, conditions of approvals, and the policies that have been in force. */
export async function createGovernance(trx: Knex): Promise<void> {
  await trx.schema.createTable('waivers', (t) => {
    t.increments('sequence');
    t.string('id', 32).notNullable().unique();
    t.text('natural_key').notNullable().unique();
    // As the gate names it, for example `slices`.
    t.text('check_name').notNullable();
    t.text('model').notNullable().index();
    // 0 for every version of the model.
    t.integer('version').notNullable().defaultTo(0);
    t.text('reason').notNullable();
    t.text('granted_by').notNullable();
    t.text('proof').notNullable();
    t.text('granted_at').notNullable();
    t.text('until').notNullable();
    t.text('revoked_at');
    t.text('revoked_by');
  });
  await trx.schema.createTable('approval_conditions', (t) => {
    t.increments('sequence');
    t.string('id', 32).notNullable().unique();
    t.text('model').notNullable();
    t.integer('version').notNullable();
    t.string('request_id', 32).notNullable();
    t.text('condition').notNullable();
    t.text('due_at').notNullable();
    t.text('imposed_by').notNullable();
    t.text('imposed_at').notNullable();
    t.text('fulfilled_at');
    t.text('fulfilled_by');
    t.text('fulfilled_comment');
    t.index(['model', 'version']);
  });
  await trx.schema.createTable('policies_in_force', (t) => {
    t.increments('sequence');
    t.string('digest', 64).notNullable();
    t.text('content').notNullable();
    t.text('commit');
    t.text('since').notNullable();
  });
}
