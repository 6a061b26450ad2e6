import type { Knex } from 'knex';

/** What a gate was opened on, by which rules: whoever asks for the promotion later is not asked for them. */
export async function addGateBasis(trx: Knex): Promise<void> {
  // JSON of GateBasis; null for requests without a gate, and for gates of before.
  await trx.schema.alterTable('transition_requests', (t) => t.text('basis'));
}
