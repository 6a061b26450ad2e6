import type { Knex } from 'knex';
import { isSqlite } from '../database/dialect.ts';
import { forbidChanges } from './append-only.ts';
import { createClientTables } from './0005-client-tables.ts';

const LARGEST = '1.7976931348623157e308';

/** What MLflow's clients write and read: the tables of before grow, and new ones stand beside them. */
export async function createClients(trx: Knex): Promise<void> {
  await extendExperiments(trx);
  await extendRuns(trx);
  await rebuildMetrics(trx);
  await createClientTables(trx);
  await moveArtifacts(trx);
  await extendModels(trx);
  await extendDecisions(trx);
}

async function extendExperiments(trx: Knex): Promise<void> {
  await trx.schema.alterTable('experiments', (t) => {
    t.text('artifact_location').notNullable().defaultTo('');
  });
  const at = new Date(0).toISOString();
  await trx('experiments').insert({ id: 0, name: 'Default', created_at: at, updated_at: at });
  await trx('experiments').update({ artifact_location: trx.raw(`'mlflow-artifacts:/' || id`) });
}

/** Instants of runs become milliseconds, as clients give and ask for them. */
async function extendRuns(trx: Knex): Promise<void> {
  await trx.schema.alterTable('runs', (t) => {
    t.bigInteger('started_ms').notNullable().defaultTo(0);
    t.bigInteger('ended_ms');
    t.text('artifact_uri').notNullable().defaultTo('');
    t.index(['experiment_id', 'started_ms']);
  });
  await trx('runs').update({
    started_ms: milliseconds(trx, 'started_at'),
    ended_ms: milliseconds(trx, 'ended_at'),
    artifact_uri: trx.raw(`'mlflow-artifacts:/' || experiment_id || '/' || id || '/artifacts'`),
  });
  // Not knex's: on SQLite that makes the whole table anew.
  for (const column of ['started_at', 'ended_at']) await trx.raw('alter table runs drop column ??', [column]);
  for (const table of ['params', 'tags']) await indexByValue(trx, table);
}

/** For searches by a param or tag. PostgreSQL cannot index a value of some thousand letters. */
async function indexByValue(trx: Knex, table: string): Promise<void> {
  const value = isSqlite(trx) ? 'value' : 'left(value, 200)';
  await trx.raw(`create index ${table}_key_value on ${table} (key, ${value})`);
}

async function rebuildMetrics(trx: Knex): Promise<void> {
  await trx.schema.renameTable('metrics', 'metrics_before');
  await trx.schema.createTable('metrics', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.text('key').notNullable();
    t.bigInteger('timestamp_ms').notNullable();
    t.bigInteger('step').notNullable();
    // Infinities are the largest numbers there are, as clients expect; NaN, which a key cannot hold, is 0 with the mark.
    t.double('value').notNullable();
    t.boolean('is_nan').notNullable().defaultTo(false);
    // The logged model that it measures, if it does.
    t.text('model_id');
    t.text('dataset_name');
    t.text('dataset_digest');
  });
  // A client links what it measured before to each model that it logs after: one more row a model.
  await trx.raw(
    `create unique index metrics_one on metrics (run_id, key, timestamp_ms, step, value, is_nan, coalesce(model_id, ''))`,
  );
  await trx.raw('create index metrics_of_model on metrics (model_id) where model_id is not null');
  await trx.raw(`
    insert into metrics (run_id, key, timestamp_ms, step, value, is_nan)
    select distinct run_id, key, ${millisecondsOf(trx, 'recorded_at')}, step,
      case when value > ${LARGEST} then ${LARGEST} when value < -${LARGEST} then -${LARGEST} else value end, is_nan
    from metrics_before`);
  await trx.schema.dropTable('metrics_before');
  await trx.schema.createTable('latest_metrics', (t) => {
    t.string('run_id', 32).notNullable().references('runs.id');
    t.text('key').notNullable();
    t.double('value').notNullable();
    t.boolean('is_nan').notNullable();
    t.bigInteger('step').notNullable();
    t.bigInteger('timestamp_ms').notNullable();
    t.primary(['run_id', 'key']);
    // All that a search by metric asks for: the index alone answers it.
    t.index(['key', 'value', 'is_nan', 'run_id']);
  });
  await trx.raw(`
    insert into latest_metrics (run_id, key, value, is_nan, step, timestamp_ms)
    select run_id, key, value, is_nan, step, timestamp_ms from (
      select metrics.*, row_number() over (
        partition by run_id, key order by step desc, timestamp_ms desc, value desc, is_nan desc) as place
      from metrics) as placed
    where place = 1`);
}

/** One index of artifacts by path, for runs of this engine and of clients. */
async function moveArtifacts(trx: Knex): Promise<void> {
  await trx.raw(
    `insert into artifact_files (path, sha256, bytes, updated_at)
     select runs.experiment_id || '/' || runs.id || '/artifacts/' || run_artifacts.name, run_artifacts.sha256, run_artifacts.bytes, ?
     from run_artifacts join runs on runs.id = run_artifacts.run_id`,
    [new Date(0).toISOString()],
  );
  await trx.schema.dropTable('run_artifacts');
}

async function extendModels(trx: Knex): Promise<void> {
  await trx.schema.alterTable('registered_models', (t) => {
    // A deleted model keeps its governed rows, under a name that no client can write: deleted/<name>/<n>.
    t.text('deleted_at');
    t.text('deployment_job_id');
  });
  await trx.schema.alterTable('model_versions', (t) => {
    t.text('user_id').notNullable().defaultTo('');
    t.text('run_link').notNullable().defaultTo('');
    t.text('model_id');
    // Where `source` leads to.
    t.text('download_uri');
    t.text('deleted_at');
    // Path of the ONNX file among the artifact files; null for one that is known by its content alone.
    t.text('onnx_path');
    t.index(['run_id']);
  });
  await trx.schema.alterTable('transition_requests', (t) => {
    t.text('comment').notNullable().defaultTo('');
    t.text('requested_proof').notNullable().defaultTo('claimed');
  });
  await trx.schema.createTable('renamed_models', (t) => {
    t.increments('sequence');
    t.text('old_name').notNullable();
    t.text('new_name').notNullable().index();
    t.text('at').notNullable();
  });
}

/** Decisions keep the name that the model had, so no key binds them to it; and they say how they were proved. */
async function extendDecisions(trx: Knex): Promise<void> {
  if (isSqlite(trx)) return rebuildDecisions(trx);
  await trx.raw('alter table decisions drop constraint decisions_model_version_foreign');
  await trx.schema.alterTable('decisions', proofColumns);
}

function proofColumns(t: Knex.CreateTableBuilder): void {
  // 'claimed', 'token' or 'signature'
  t.text('proof').notNullable().defaultTo('claimed');
  // JSON list of the roles that the approver answered with.
  t.text('roles').notNullable().defaultTo('[]');
  // The DSSE envelope as JSON.
  t.text('statement');
  t.text('key_id');
  t.text('conditions');
}

/** SQLite cannot drop a constraint: the table is made anew, its rows and their numbers as they were. */
async function rebuildDecisions(trx: Knex): Promise<void> {
  await trx.schema.createTable('decisions_anew', (t) => {
    t.increments('sequence');
    t.string('id', 32).notNullable();
    t.text('natural_key').notNullable();
    t.text('model').notNullable();
    t.integer('version').notNullable();
    // Null for what was said before a gate opened.
    t.string('request_id', 32).references('transition_requests.id');
    t.text('approver').notNullable();
    t.text('decision').notNullable();
    t.text('comment').notNullable();
    t.text('evidence').notNullable();
    t.boolean('counted').notNullable();
    t.text('why_not');
    t.text('received_via').notNullable();
    t.text('recorded_at').notNullable();
    proofColumns(t);
  });
  const columns = `sequence, id, natural_key, model, version, request_id, approver, decision, comment, evidence, counted, why_not, received_via, recorded_at`;
  await trx.raw(`insert into decisions_anew (${columns}) select ${columns} from decisions`);
  await trx.raw('drop table decisions');
  await trx.raw('alter table decisions_anew rename to decisions');
  await trx.schema.alterTable('decisions', (t) => {
    t.unique(['id']);
    t.unique(['natural_key']);
    t.index(['request_id']);
  });
  await forbidChanges(trx, 'decisions');
}

function milliseconds(trx: Knex, column: string): Knex.Raw {
  return trx.raw(millisecondsOf(trx, column));
}

/** An ISO instant as milliseconds since 1970. */
function millisecondsOf(trx: Knex, column: string): string {
  return isSqlite(trx)
    ? `cast(round((julianday(${column}) - 2440587.5) * 86400000) as integer)`
    : `cast(round(extract(epoch from cast(${column} as timestamptz)) * 1000) as bigint)`;
}
