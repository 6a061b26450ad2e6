import type { Knex } from 'knex';
import { contentOf, GENESIS_HASH, sealRow } from '../audit/chain.ts';
import { fromStored, toStored, type StoredAuditRow } from '../audit/rows.ts';
import { isSqlite } from '../database/dialect.ts';
import { forbidChanges } from './append-only.ts';

const ROWS_AT_ONCE = 1000;

/** How an act was proved, by which run, with what beside; and every row, those that exist included, in a hash chain. */
export async function createAudit(trx: Knex): Promise<void> {
  await trx.schema.alterTable('activity_log', (t) => {
    t.text('proof').notNullable().defaultTo('claimed');
    t.text('workflow_run_id');
    t.text('details');
    t.string('previous_hash', 64).notNullable().defaultTo(GENESIS_HASH);
    t.string('hash', 64).notNullable().defaultTo('');
  });
  await whileChangeable(trx, () => chainExistingRows(trx));
}

/** Numbers the rows without gaps, as the chain wants it, and seals each onto the one before. */
async function chainExistingRows(trx: Knex): Promise<void> {
  let previousHash = GENESIS_HASH;
  let sequence = 0;
  let lastId = 0;
  for (;;) {
    const rows = await trx('activity_log')
      .where('id', '>', lastId)
      .orderBy('id')
      .limit(ROWS_AT_ONCE)
      .select<StoredAuditRow[]>('*');
    for (const row of rows) {
      const sealed = sealRow({ ...contentOf(fromStored(row)), sequence: (sequence += 1), previousHash });
      await trx('activity_log').where({ id: row.id }).update(toStored(sealed));
      previousHash = sealed.hash;
      lastId = row.id;
    }
    if (rows.length < ROWS_AT_ONCE) return;
  }
}

/** Lifts the triggers that keep the table append-only, inside of this transaction only. */
async function whileChangeable(trx: Knex, work: () => Promise<void>): Promise<void> {
  const triggers = isSqlite(trx) ? ['no_update', 'no_delete'] : ['no_change', 'no_truncate'];
  for (const trigger of triggers) {
    const of = isSqlite(trx) ? '' : ' on activity_log';
    await trx.raw(`drop trigger if exists activity_log_${trigger}${of}`);
  }
  await work();
  await forbidChanges(trx, 'activity_log');
}
