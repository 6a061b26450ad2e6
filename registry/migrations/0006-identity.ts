import type { Knex } from 'knex';

/** Who may come in and as what. Rows are closed, never deleted: an old decision must find who stood behind it. */
export async function createIdentity(trx: Knex): Promise<void> {
  await trx.schema.createTable('principals', (t) => {
    t.text('name').primary();
    // 'user', 'service' or 'system'
    t.text('kind').notNullable();
    // The OpenID Connect provider that vouches for the name; null for a local account.
    t.text('issuer');
    t.text('description').notNullable().defaultTo('');
    t.text('created_at').notNullable();
    t.text('created_by').notNullable();
    t.text('left_at');
    t.text('left_reason');
    t.text('disabled_by');
  });
  await trx.schema.createTable('tokens', (t) => {
    t.increments('sequence');
    t.string('id', 16).notNullable().unique();
    t.string('hash', 64).notNullable().unique();
    ofPrincipal(t);
    t.text('label').notNullable();
    t.text('created_at').notNullable();
    t.text('created_by').notNullable();
    t.text('expires_at').notNullable();
    t.text('last_used_at');
    revocable(t);
  });
  // A second request for the same token finds that there is one.
  await trx.raw('create unique index tokens_one_by_label on tokens (principal, label) where revoked_at is null');
  await trx.schema.createTable('role_grants', (t) => {
    t.increments('sequence');
    ofPrincipal(t);
    t.text('role').notNullable();
    // Empty: for every model. No foreign key: a role may be granted before the model's first version.
    t.text('model').notNullable().defaultTo('');
    t.text('granted_at').notNullable();
    t.text('granted_by').notNullable();
    revocable(t);
  });
  await trx.raw(
    'create unique index role_grants_one_living on role_grants (principal, role, model) where revoked_at is null',
  );
  await trx.schema.createTable('signing_keys', (t) => {
    t.increments('sequence');
    t.string('key_id', 16).notNullable().unique();
    ofPrincipal(t);
    // Ed25519, raw, 64 hex digits.
    t.string('public_key', 64).notNullable();
    t.text('added_at').notNullable();
    t.text('added_by').notNullable();
    revocable(t);
  });
}

function ofPrincipal(t: Knex.CreateTableBuilder): void {
  t.text('principal').notNullable().references('principals.name').index();
}

function revocable(t: Knex.CreateTableBuilder): void {
  t.text('revoked_at');
  t.text('revoked_by');
  t.text('revoked_reason');
}
