import type { Knex } from 'knex';
import { isSqlite } from '../database/dialect.ts';

/** Makes a table one that only grows: the database itself refuses to change or delete a row of it. */
export async function forbidChanges(trx: Knex, table: string): Promise<void> {
  if (isSqlite(trx)) {
    for (const change of ['update', 'delete']) {
      await trx.raw(
        `create trigger ${table}_no_${change} before ${change} on ${table} begin select raise(abort, '${table} is append-only'); end`,
      );
    }
    return;
  }
  await trx.raw(`
    create or replace function refuse_change() returns trigger language plpgsql as
    $$ begin raise exception '% is append-only', tg_table_name; end $$`);
  await trx.raw(
    `create trigger ${table}_no_change before update or delete on ${table} for each row execute function refuse_change()`,
  );
  await trx.raw(
    `create trigger ${table}_no_truncate before truncate on ${table} for each statement execute function refuse_change()`,
  );
}
