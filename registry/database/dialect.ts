import type { Knex } from 'knex';

/** Which of the two databases a statement goes to; for the few that they spell differently. */
export function isSqlite(knex: Knex): boolean {
  return (knex.client as { driverName?: string }).driverName?.startsWith('sqlite') === true;
}

/** Lets foreign keys be broken until this transaction commits: for renaming what other rows name. */
export async function deferForeignKeys(trx: Knex): Promise<void> {
  await trx.raw(isSqlite(trx) ? 'pragma defer_foreign_keys = on' : 'set constraints all deferred');
}
