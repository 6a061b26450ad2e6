import type { Knex } from 'knex';

interface Column {
  readonly table: string;
  readonly column: string;
  readonly type: string;
}

interface ForeignKey {
  readonly oid: number;
  readonly table: string;
  readonly name: string;
}

/**
 * Gives what the migrations make the two properties that SQLite's tables have: texts sort by their bytes, whatever the
 * server's language, and foreign keys can wait for the end of a transaction. What else is in the schema stays untouched.
 */
export async function deferrableKeysAndByteOrder(trx: Knex, migrations: () => Promise<void>): Promise<void> {
  const columnsBefore = new Set((await textColumns(trx)).map(({ table, column }) => `${table}.${column}`));
  const keysBefore = new Set((await immediateKeys(trx)).map(({ oid }) => oid));
  await migrations();
  const columns = (await textColumns(trx)).filter(({ table, column }) => !columnsBefore.has(`${table}.${column}`));
  for (const table of new Set(columns.map((column) => column.table))) {
    const own = columns.filter((column) => column.table === table);
    const changes = own.map(({ type }) => `alter column ?? type ${type} collate "C"`).join(', ');
    await trx.raw(`alter table ?? ${changes}`, [table, ...own.map(({ column }) => column)]);
  }
  for (const { oid, table, name } of await immediateKeys(trx)) {
    if (keysBefore.has(oid)) continue;
    await trx.raw('alter table ?? alter constraint ?? deferrable initially immediate', [table, name]);
  }
}

/** Columns that sort by the language of the database. */
async function textColumns(trx: Knex): Promise<readonly Column[]> {
  const { rows } = await trx.raw<{ rows: Column[] }>(`
    select pg_class.relname as table, attname as column, format_type(atttypid, atttypmod) as type
    from pg_attribute
    join pg_class on pg_class.oid = attrelid and relkind = 'r'
    join pg_collation on pg_collation.oid = attcollation and collname = 'default'
    where relnamespace = current_schema()::regnamespace and attnum > 0 and not attisdropped
    order by pg_class.relname, attnum`);
  return rows;
}

async function immediateKeys(trx: Knex): Promise<readonly ForeignKey[]> {
  const { rows } = await trx.raw<{ rows: ForeignKey[] }>(`
    select pg_constraint.oid, pg_class.relname as table, conname as name
    from pg_constraint join pg_class on pg_class.oid = conrelid
    where contype = 'f' and not condeferrable and connamespace = current_schema()::regnamespace
    order by pg_class.relname, conname`);
  return rows;
}
