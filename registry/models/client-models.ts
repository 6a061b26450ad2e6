import { writeActivity } from '../activity-log.ts';
import { requireRight } from '../api/require-right.ts';
import { insertAll, type RegistryDatabase } from '../database.ts';
import type { Stage } from '../stages.ts';
import { actor, type Act } from './act.ts';
import { requireModelName } from './model-names.ts';
import {
  latestVersions,
  readModel,
  readVersions,
  requireFree,
  requireModel,
  type ClientModel,
  type ClientVersion,
  type Tag,
} from './read-models.ts';
import { requireWritableTag } from './tags.ts';

export interface CreateModelInput {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly Tag[];
  readonly deploymentJobId: string | undefined;
}

export interface UpdateModelInput {
  readonly name: string;
  readonly description: string | undefined;
  readonly deploymentJobId: string | undefined;
}

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Registered models, for registry clients. */
export function createClientModels({ db, now }: Deps) {
  return {
    /** @throws AlreadyExists */
    createModel: (input: CreateModelInput, act: Act): Promise<ClientModel> =>
      db.write(async (trx) => {
        requireModelName(input.name);
        requireRight(act.caller, 'contribute', input.name);
        for (const { key, value } of input.tags) requireWritableTag(act, input.name, key, value);
        const { name, description, deploymentJobId } = input;
        await requireFree(trx, name);
        const at = now().toISOString();
        const job = { deployment_job_id: deploymentJobId ?? null };
        await trx('registered_models').insert({ name, description, ...job, created_at: at, updated_at: at });
        // Of a key that comes twice the last one counts.
        const tags = new Map(input.tags.map(({ key, value }) => [key, value]));
        await insertAll(
          trx,
          'registered_model_tags',
          [...tags].map(([key, value]) => ({ model: name, key, value })),
        );
        await writeActivity(trx, { at, model: name, action: 'CREATED_MODEL', ...actor(act), comment: description });
        return readModel(trx, name);
      }),

    /** @throws UnknownModel */
    registeredModel: (name: string): Promise<ClientModel> => db.read((knex) => readModel(knex, name)),

    /** @throws UnknownModel */
    updateModel: ({ name, description, deploymentJobId }: UpdateModelInput, act: Act): Promise<ClientModel> =>
      db.write(async (trx) => {
        requireRight(act.caller, 'contribute', name);
        await requireModel(trx, name);
        const at = now().toISOString();
        await trx('registered_models')
          .where({ name })
          .update({
            updated_at: at,
            ...(description === undefined ? {} : { description }),
            ...(deploymentJobId === undefined ? {} : { deployment_job_id: deploymentJobId }),
          });
        const changed = { at, model: name, action: 'UPDATED_MODEL' as const, comment: description ?? '' };
        await writeActivity(trx, { ...changed, ...actor(act) });
        return readModel(trx, name);
      }),

    /** The newest version of each of the stages; of all four when none is named. @throws UnknownModel */
    latestVersions: (name: string, stages: readonly Stage[]): Promise<ClientVersion[]> =>
      db.read(async (knex) => {
        await requireModel(knex, name);
        const query = latestVersions(knex, [name]);
        return readVersions(knex, stages.length === 0 ? query : query.whereIn('model_versions.stage', stages));
      }),
  };
}
