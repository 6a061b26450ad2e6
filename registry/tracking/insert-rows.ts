import type { Knex } from 'knex';

type Cell = string | number | boolean | null;

const ROWS_PER_STATEMENT = 500;

/**
 * Inserts rows by few statements of many values: knex's own spelling for SQLite ends at 500 rows and takes ten times
 * as long.
 *
 * @param then what follows the values, such as `on conflict do nothing`
 */
export async function insertRows(
  trx: Knex,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  then: string,
): Promise<void> {
  const row = `(${columns.map(() => '?').join(',')})`;
  for (let i = 0; i < rows.length; i += ROWS_PER_STATEMENT) {
    const piece = rows.slice(i, i + ROWS_PER_STATEMENT);
    const values = piece.map(() => row).join(',');
    await trx.raw(`insert into ${table} (${columns.join(',')}) values ${values} ${then}`, piece.flat());
  }
}
