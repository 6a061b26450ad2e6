import type { Knex } from 'knex';

/** Tables that only clients of MLflow fill, and the index of artifacts by path. */
export async function createClientTables(trx: Knex): Promise<void> {
  await trx.schema.createTable('artifact_files', (t) => {
    // What stands behind `mlflow-artifacts:/`, for example 3/<run>/artifacts/model/model.onnx.
    t.text('path').primary();
    t.string('sha256', 64).notNullable().index();
    t.bigInteger('bytes').notNullable();
    t.text('updated_at').notNullable();
  });
  await createDatasets(trx);
  await createLoggedModels(trx);
}

async function createDatasets(trx: Knex): Promise<void> {
  await trx.schema.createTable('datasets', (t) => {
    t.increments('id');
    t.integer('experiment_id').notNullable().references('experiments.id');
    t.text('name').notNullable();
    t.text('digest').notNullable();
    t.text('source_type').notNullable();
    t.text('source').notNullable();
    t.text('schema');
    t.text('profile');
    t.unique(['experiment_id', 'name', 'digest']);
  });
  await trx.schema.createTable('run_datasets', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.integer('dataset_id').notNullable().references('datasets.id').index();
    t.primary(['run_id', 'dataset_id']);
  });
  await trx.schema.createTable('run_dataset_tags', (t) => {
    t.string('run_id', 32).notNullable();
    t.integer('dataset_id').notNullable();
    t.text('key').notNullable();
    t.text('value').notNullable();
    t.primary(['run_id', 'dataset_id', 'key']);
    t.foreign(['run_id', 'dataset_id']).references(['run_id', 'dataset_id']).inTable('run_datasets');
  });
  await trx.schema.createTable('run_model_inputs', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.text('model_id').notNullable();
    t.primary(['run_id', 'model_id']);
  });
  await trx.schema.createTable('run_model_outputs', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.text('model_id').notNullable();
    t.bigInteger('step').notNullable();
    t.primary(['run_id', 'model_id']);
  });
}

async function createLoggedModels(trx: Knex): Promise<void> {
  await trx.schema.createTable('logged_models', (t) => {
    t.text('id').primary();
    t.integer('experiment_id').notNullable().references('experiments.id');
    t.text('name').notNullable();
    t.bigInteger('created_ms').notNullable();
    t.bigInteger('updated_ms').notNullable();
    t.text('artifact_uri').notNullable();
    t.text('status').notNullable();
    t.text('model_type');
    t.text('source_run_id').index();
    t.text('status_message');
    t.text('deleted_at');
    t.index(['experiment_id', 'created_ms']);
  });
  for (const table of ['logged_model_params', 'logged_model_tags']) {
    await trx.schema.createTable(table, (t) => {
      t.text('model_id').notNullable().references('logged_models.id');
      t.text('key').notNullable();
      t.text('value').notNullable();
      t.primary(['model_id', 'key']);
    });
  }
}
