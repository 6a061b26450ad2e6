import type { Knex } from 'knex';
import { ofVersion } from './0002-models.ts';
import { forbidChanges } from './append-only.ts';

/** Requests, decisions, gate results, and the log of who did what. */
export async function createTransitions(trx: Knex): Promise<void> {
  await createRequests(trx);
  await createDecisions(trx);
  await createGateResults(trx);
  await createActivityLog(trx);
  await forbidChanges(trx, 'activity_log');
  await forbidChanges(trx, 'decisions');
}

async function createRequests(trx: Knex): Promise<void> {
  await trx.schema.createTable('transition_requests', (t) => {
    t.increments('sequence');
    t.string('id', 32).notNullable().unique();
    t.text('natural_key').notNullable().unique();
    ofVersion(t);
    t.text('to_stage').notNullable();
    t.text('status').notNullable();
    t.text('requested_by').notNullable();
    t.text('evidence_digest');
    t.integer('expected_champion');
    t.text('workflow_id');
    t.text('created_at').notNullable();
    t.text('closed_at');
    t.text('closed_by');
    t.text('closing_comment');
    t.index(['model', 'version']);
  });
  await trx.raw(
    `create unique index transition_requests_one_open on transition_requests (model, version, to_stage) where status = 'open'`,
  );
  await trx.raw(
    `create unique index transition_requests_one_open_production on transition_requests (model) where status = 'open' and to_stage = 'Production'`,
  );
}

async function createDecisions(trx: Knex): Promise<void> {
  await trx.schema.createTable('decisions', (t) => {
    t.increments('sequence');
    t.string('id', 32).notNullable().unique();
    t.text('natural_key').notNullable().unique();
    ofVersion(t);
    // Null for what was said before a gate opened.
    t.string('request_id', 32).references('transition_requests.id').index();
    t.text('approver').notNullable();
    t.text('decision').notNullable();
    t.text('comment').notNullable();
    t.text('evidence').notNullable();
    t.boolean('counted').notNullable();
    t.text('why_not');
    t.text('received_via').notNullable();
    t.text('recorded_at').notNullable();
  });
}

async function createGateResults(trx: Knex): Promise<void> {
  await trx.schema.createTable('gate_results', (t) => {
    t.increments('sequence');
    t.string('id', 32).notNullable().unique();
    t.text('natural_key').notNullable().unique();
    ofVersion(t);
    t.text('gate').notNullable();
    t.text('verdict').notNullable();
    t.text('summary').notNullable();
    t.text('checks').notNullable();
    t.text('evidence_uri');
    t.string('evidence_sha256', 64);
    t.bigInteger('evidence_bytes');
    t.text('evidence_digest');
    t.text('recorded_by').notNullable();
    t.text('workflow_id');
    t.text('recorded_at').notNullable();
    t.index(['model', 'version']);
  });
}

async function createActivityLog(trx: Knex): Promise<void> {
  await trx.schema.createTable('activity_log', (t) => {
    t.increments('id');
    t.text('at').notNullable();
    t.text('model').notNullable().index();
    t.integer('version').notNullable();
    t.text('action').notNullable();
    t.text('from_stage');
    t.text('to_stage');
    t.text('done_by').notNullable();
    t.text('comment').notNullable();
    t.text('evidence_digest');
    t.text('workflow_id');
  });
}
