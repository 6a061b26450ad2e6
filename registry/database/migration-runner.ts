import type { Knex } from 'knex';
import { MIGRATIONS } from '../migrations/all.ts';

/** A migration, and whether this database has it. */
export interface MigrationState {
  readonly name: string;
  readonly applied: boolean;
}

/**
 * Own runner instead of knex's: that one keeps its lock in a row outside of the transaction, so a process that dies
 * while migrating locks everybody out until a person steps in.
 */
export async function applyPending(trx: Knex): Promise<void> {
  const states = await migrationStates(trx);
  for (const migration of MIGRATIONS) {
    if (states.some(({ name, applied }) => name === migration.name && applied)) continue;
    await migration.up(trx);
    await trx('registry_migrations').insert({ name: migration.name });
  }
}

/** Every migration in order; none is applied where there is no table yet. */
export async function migrationStates(knex: Knex): Promise<MigrationState[]> {
  const there = await knex.schema.hasTable('registry_migrations');
  const applied = new Set<unknown>(there ? await knex('registry_migrations').pluck('name') : []);
  return MIGRATIONS.map(({ name }) => ({ name, applied: applied.has(name) }));
}

export async function isUpToDate(knex: Knex): Promise<boolean> {
  return (await migrationStates(knex)).every(({ applied }) => applied);
}

export async function createMigrationTable(knex: Knex): Promise<void> {
  await knex.raw('create table if not exists registry_migrations (name varchar(100) primary key)');
}
