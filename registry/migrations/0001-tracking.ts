import type { Knex } from 'knex';

/** Experiments and runs. Instants are ISO texts in UTC everywhere: they sort, and read the same in every database. */
export async function createTracking(trx: Knex): Promise<void> {
  await trx.schema.createTable('experiments', (t) => {
    t.increments('id');
    t.text('name').notNullable().unique();
    t.text('lifecycle_stage').notNullable().defaultTo('active');
    t.text('created_at').notNullable();
    t.text('updated_at').notNullable();
  });
  await trx.schema.createTable('experiment_tags', (t) => {
    t.integer('experiment_id').notNullable().references('experiments.id');
    t.text('key').notNullable();
    t.text('value').notNullable();
    t.primary(['experiment_id', 'key']);
  });
  await trx.schema.createTable('runs', (t) => {
    t.string('id', 32).primary();
    t.text('natural_key').unique();
    t.integer('experiment_id').notNullable().references('experiments.id').index();
    t.text('name').notNullable();
    t.text('user_id').notNullable().defaultTo('');
    t.text('status').notNullable();
    t.text('lifecycle_stage').notNullable().defaultTo('active');
    t.text('started_at').notNullable();
    t.text('ended_at');
  });
  for (const table of ['params', 'tags']) {
    await trx.schema.createTable(table, (t) => {
      t.string('run_id', 32).notNullable().references('runs.id');
      t.text('key').notNullable();
      t.text('value').notNullable();
      t.primary(['run_id', 'key']);
    });
  }
  await trx.schema.createTable('metrics', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.text('key').notNullable();
    t.integer('step').notNullable();
    t.text('recorded_at').notNullable();
    t.double('value').notNullable();
    // SQLite keeps NaN as NULL, which a key cannot hold: NaN is value 0 with this mark.
    t.boolean('is_nan').notNullable().defaultTo(false);
    t.primary(['run_id', 'key', 'step', 'recorded_at', 'value', 'is_nan']);
  });
  await trx.schema.createTable('run_artifacts', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.text('name').notNullable();
    t.text('uri').notNullable();
    t.string('sha256', 64).notNullable();
    t.bigInteger('bytes').notNullable();
    t.primary(['run_id', 'name']);
  });
  await trx.schema.createTable('run_inputs', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.text('name').notNullable();
    t.string('digest', 64).notNullable();
    t.text('content').notNullable();
    t.primary(['run_id', 'name', 'digest']);
  });
}
