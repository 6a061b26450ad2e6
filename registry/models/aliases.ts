import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import { requireRight } from '../api/require-right.ts';
import type { RegistryDatabase } from '../database.ts';
import { requireVersion, unknownModel } from '../model-versions.ts';
import type { Stage } from '../stages.ts';
import type { VersionName } from '../version-notes.ts';
import { actor, passGuard, rightOver, type Act } from './act.ts';
import { readVersion } from './client-versions.ts';
import { requireAlias } from './model-names.ts';
import { requireModel, type ClientVersion } from './read-models.ts';

export interface AliasName {
  readonly model: string;
  readonly alias: string;
}

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Names that point at a version of a model, for registry clients. */
export function createAliases({ db, now }: Deps) {
  return {
    /**
     * Points an alias at a version, from wherever it pointed before.
     *
     * @throws NotAuthorized for a caller without the right over both versions' stages, or an alias of Production's
     * @throws UnknownModel
     */
    setAlias: ({ model, alias, version }: AliasName & VersionName, act: Act): Promise<void> =>
      db.write(async (trx) => {
        requireAlias(alias);
        const target = await requireVersion(trx, model, version);
        const from = await findAlias(trx, { model, alias });
        const stages = [target.stage, ...(from === undefined ? [] : [from.stage])];
        requireRight(act.caller, rightOver(stages), model);
        const at = now().toISOString();
        await passGuard(trx, act, model, { kind: 'set-alias', alias, version, from: from?.version ?? null }, at);
        if (from?.version === version) return;
        await trx('aliases').insert({ model, alias, version }).onConflict(['model', 'alias']).merge(['version']);
        const details = { alias, from: from?.version ?? null };
        await writeActivity(trx, { at, model, version, action: 'SET_ALIAS', ...actor(act), details });
      }),

    /** An absent alias is fine. @throws NotAuthorized as for setting one; UnknownModel */
    deleteAlias: ({ model, alias }: AliasName, act: Act): Promise<void> =>
      db.write(async (trx) => {
        await requireModel(trx, model);
        const from = await findAlias(trx, { model, alias });
        requireRight(act.caller, rightOver(from === undefined ? [] : [from.stage]), model);
        if (from === undefined) return;
        const at = now().toISOString();
        await passGuard(trx, act, model, { kind: 'delete-alias', alias, from: from.version }, at);
        await trx('aliases').where({ model, alias }).delete();
        const deleted = { at, model, version: from.version, action: 'DELETED_ALIAS' as const };
        await writeActivity(trx, { ...deleted, ...actor(act), details: { alias } });
      }),

    /**
     * The version behind an alias; `latest` is the highest one.
     *
     * @throws InvalidInput for an alias that is not there, as upstream has it; UnknownModel
     */
    versionByAlias: ({ model, alias }: AliasName): Promise<ClientVersion> =>
      db.read(async (knex) => {
        await requireModel(knex, model);
        const version = /^latest$/i.test(alias) ? await highest(knex, model) : await findAlias(knex, { model, alias });
        if (version !== undefined) return readVersion(knex, { model, version: version.version });
        if (/^latest$/i.test(alias)) throw await unknownModel(knex, model);
        throw new SuperstepError('InvalidInput', `Registered model alias ${alias} not found for ${model}`, {
          model,
          alias,
        });
      }),
  };
}

interface Pointed {
  readonly version: number;
  readonly stage: Stage;
}

async function findAlias(knex: Knex, { model, alias }: AliasName): Promise<Pointed | undefined> {
  return knex('aliases')
    .join('model_versions', { 'model_versions.model': 'aliases.model', 'model_versions.version': 'aliases.version' })
    .where({ 'aliases.model': model, alias })
    .first<Pointed | undefined>('model_versions.version', 'model_versions.stage');
}

async function highest(knex: Knex, model: string): Promise<{ readonly version: number } | undefined> {
  const versions = knex('model_versions').where({ model }).whereNull('deleted_at').orderBy('version', 'desc');
  return versions.first<{ version: number } | undefined>('version');
}
