import type { Knex } from 'knex';
import type { RegistryDatabase } from '../database.ts';

const DAY_MS = 86_400_000;
const KEPT_MS = 30 * DAY_MS;
/** Other writers wait meanwhile. */
const ROWS_AT_ONCE = 1_000;

/**
 * Forgets deliveries that ended a month ago: those that arrived, and whatever a deleted subscriber left. They help who
 * looks for a fault; the audit has the acts themselves. One that waits stays, however long.
 */
export function createDeliveryRetention({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  let sweptMs = Number.NEGATIVE_INFINITY;
  return {
    /** Call it as often as you like: it sweeps at the first call and once a day. Any number of processes may. Gives the rows forgotten. */
    forgetDaily: async (): Promise<number> => {
      const at = now().getTime();
      if (at - sweptMs < DAY_MS) return 0;
      const before = new Date(at - KEPT_MS).toISOString();
      let forgotten = 0;
      for (;;) {
        const rows = await db.write((trx) => forget(trx, before));
        forgotten += rows;
        if (rows < ROWS_AT_ONCE) break;
      }
      sweptMs = at;
      return forgotten;
    },
  };
}

function forget(trx: Knex, before: string): Promise<number> {
  const deleted = trx('subscribers').where('deleted_at', '<', before).select('id');
  const ended = trx('deliveries')
    .where((arrived) => void arrived.where({ status: 'delivered' }).andWhere('delivered_at', '<', before))
    .orWhereIn('subscriber_id', deleted)
    .limit(ROWS_AT_ONCE)
    .select('delivery_id');
  return trx('deliveries').whereIn('delivery_id', ended).delete();
}
