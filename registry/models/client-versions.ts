import type { Knex } from 'knex';
import { writeActivity } from '../activity-log.ts';
import { requireRight } from '../api/require-right.ts';
import type { RegistryDatabase } from '../database.ts';
import { nextVersion, requireVersion } from '../model-versions.ts';
import { writeVersionTags, type VersionName } from '../version-notes.ts';
import { actor, type Act } from './act.ts';
import { readVersions, requireModel, type ClientVersion, type Tag } from './read-models.ts';
import { requireWritableTag } from './tags.ts';
import { noteVersionOfLoggedModel, resolveSource } from './version-source.ts';

export interface CreateVersionInput {
  readonly model: string;
  readonly source: string;
  readonly runId: string | undefined;
  readonly loggedModelId: string | undefined;
  readonly runLink: string;
  readonly description: string;
  readonly tags: readonly Tag[];
}

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Versions of models, for registry clients. */
export function createClientVersions({ db, now }: Deps) {
  return {
    /**
     * Registers the next version. Its ONNX file is looked for when somebody needs it: clients may upload it later.
     *
     * @throws UnknownModel
     * @throws InvalidInput that begins with "Invalid model version source"
     */
    createVersion: (input: CreateVersionInput, act: Act): Promise<ClientVersion> =>
      db.write(async (trx) => {
        const { model } = input;
        requireRight(act.caller, 'contribute', model);
        await requireModel(trx, model);
        for (const { key, value } of input.tags) requireWritableTag(act, model, key, value);
        const at = now().toISOString();
        const resolved = await resolveSource(trx, input);
        const version = await nextVersion(trx, model);
        await trx('model_versions').insert({
          model,
          version,
          stage: 'None',
          source: input.source,
          run_link: input.runLink,
          description: input.description,
          user_id: act.caller.proof === 'anonymous' ? '' : act.caller.name,
          created_at: at,
          updated_at: at,
          ...resolved,
        });
        await trx('registered_models').where({ name: model }).update({ updated_at: at });
        if (resolved.model_id !== null) await noteVersionOfLoggedModel(trx, resolved.model_id, model, version);
        const tags = Object.fromEntries(input.tags.map(({ key, value }) => [key, value]));
        await writeVersionTags(trx, { model, version }, tags);
        const registered = { at, model, version, action: 'REGISTERED_VERSION' as const, toStage: 'None' as const };
        const details = { source: input.source, runId: resolved.run_id };
        await writeActivity(trx, { ...registered, ...actor(act), comment: input.description, details });
        return readVersion(trx, { model, version });
      }),

    /** @throws UnknownModel */
    clientVersion: (name: VersionName): Promise<ClientVersion> => db.read((knex) => readVersion(knex, name)),

    /** @throws UnknownModel */
    updateVersion: (
      { model, version, description }: VersionName & { readonly description: string | undefined },
      act: Act,
    ): Promise<ClientVersion> =>
      db.write(async (trx) => {
        requireRight(act.caller, 'contribute', model);
        await requireVersion(trx, model, version);
        if (description !== undefined) {
          const at = now().toISOString();
          await trx('model_versions').where({ model, version }).update({ description, updated_at: at });
          const updated = { at, model, version, action: 'UPDATED_VERSION' as const, comment: description };
          await writeActivity(trx, { ...updated, ...actor(act) });
        }
        return readVersion(trx, { model, version });
      }),
  };
}

/** A version with its tags and aliases. @throws UnknownModel */
export async function readVersion(knex: Knex, { model, version }: VersionName): Promise<ClientVersion> {
  await requireVersion(knex, model, version);
  const [found] = await readVersions(knex, knex('model_versions').where({ model, version }));
  const aliases = (await knex('aliases').where({ model, version }).orderBy('alias').pluck('alias')) as string[];
  return { ...(found as ClientVersion), aliases };
}
