import type { Knex } from 'knex';

/** What clients list and search of models with thousands of versions: a page must not read them all. */
export async function indexModels(trx: Knex): Promise<void> {
  await trx.schema.alterTable('model_versions', (t) => {
    // The usual order of a search, within a model and over all.
    t.index(['model', 'updated_at', 'version']);
    t.index(['updated_at']);
    // The newest version of each stage.
    t.index(['model', 'stage', 'version']);
  });
  for (const [table, ...owner] of [
    ['model_version_tags', 'model', 'version'],
    ['registered_model_tags', 'model'],
  ] as const) {
    // Prompts are told by a tag, and left out of every search that does not ask for them.
    await trx.schema.alterTable(table, (t) => t.index(['key', ...owner]));
  }
}
