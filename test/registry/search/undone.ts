import type { Knex } from 'knex';
import type { RegistryDatabase } from '../../../registry/database.ts';

/** Whatever the work does to the tables is as if it never had been. */
export async function undone(db: RegistryDatabase, work: (trx: Knex) => Promise<void>): Promise<void> {
  const undo = new Error('undo');
  const found: unknown = await db
    .write(async (trx) => {
      await work(trx);
      throw undo;
    })
    .catch((error: unknown) => error);
  if (found !== undo) throw found;
}
