import type { Knex } from 'knex';

/** Registered models and what hangs on their versions. */
export async function createModels(trx: Knex): Promise<void> {
  await trx.schema.createTable('registered_models', (t) => {
    t.text('name').primary();
    t.text('description').notNullable().defaultTo('');
    t.text('owner').notNullable().defaultTo('');
    t.text('created_at').notNullable();
    t.text('updated_at').notNullable();
  });
  await trx.schema.createTable('registered_model_tags', (t) => {
    t.text('model').notNullable().references('registered_models.name');
    t.text('key').notNullable();
    t.text('value').notNullable();
    t.primary(['model', 'key']);
  });
  await trx.schema.createTable('model_versions', (t) => {
    t.text('model').notNullable().references('registered_models.name');
    t.integer('version').notNullable();
    t.text('natural_key');
    t.text('stage').notNullable();
    t.text('status').notNullable().defaultTo('READY');
    t.string('run_id', 32).references('runs.id');
    t.text('source').notNullable().defaultTo('');
    t.text('onnx_uri');
    t.string('onnx_sha256', 64);
    t.bigInteger('onnx_bytes');
    t.text('description').notNullable().defaultTo('');
    t.text('owner').notNullable().defaultTo('');
    t.text('created_at').notNullable();
    t.text('updated_at').notNullable();
    t.primary(['model', 'version']);
    t.unique(['model', 'natural_key']);
  });
  // The last line of defence: whatever the code does, two versions of a model are never in Production.
  await trx.raw(
    `create unique index model_versions_one_production on model_versions (model) where stage = 'Production'`,
  );
  await trx.schema.createTable('model_version_tags', (t) => {
    ofVersion(t);
    t.text('key').notNullable();
    t.text('value').notNullable();
    t.primary(['model', 'version', 'key']);
  });
  await trx.schema.createTable('comments', (t) => {
    t.increments('sequence');
    t.string('id', 32).notNullable().unique();
    t.text('natural_key').notNullable().unique();
    ofVersion(t);
    t.text('author').notNullable();
    t.text('comment').notNullable();
    t.text('created_at').notNullable();
    t.text('updated_at').notNullable();
    t.index(['model', 'version']);
  });
  await trx.schema.createTable('aliases', (t) => {
    ofVersion(t);
    t.text('alias').notNullable();
    t.primary(['model', 'alias']);
  });
}

/** The columns that name a version, as a foreign key. */
export function ofVersion(t: Knex.CreateTableBuilder): void {
  t.text('model').notNullable();
  t.integer('version').notNullable();
  t.foreign(['model', 'version']).references(['model', 'version']).inTable('model_versions');
}
