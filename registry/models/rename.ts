import type { Knex } from 'knex';
import { writeActivity } from '../activity-log.ts';
import { requireRight } from '../api/require-right.ts';
import type { RegistryDatabase } from '../database.ts';
import { deferForeignKeys } from '../database/dialect.ts';
import { closeRequest, selectRequests, workflowsOf } from '../open-requests.ts';
import type { Stage } from '../stages.ts';
import { actor, passGuard, rightOver, type Act } from './act.ts';
import { requireModelName } from './model-names.ts';
import { readModel, requireFree, requireModel, type ClientModel } from './read-models.ts';

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** A renamed model, and the workflows whose gate that closed. */
export interface RenamedModel {
  readonly model: ClientModel;
  readonly wake: readonly string[];
}

/** Renaming models, for registry clients. */
export function createRename({ db, now }: Deps) {
  return {
    /**
     * Gives a model another name; its versions and all that hangs on them follow, the audit keeps the old name.
     *
     * @throws NotAuthorized while a version is in Production, unless the policy lets it, or waits at its gate or is on its way there
     * @throws AlreadyExists, UnknownModel
     */
    renameModel: (name: string, newName: string, act: Act): Promise<RenamedModel> =>
      db.write(async (trx) => {
        requireModelName(newName);
        await requireModel(trx, name);
        requireRight(act.caller, rightOver(await stagesOf(trx, name)), name);
        requireRight(act.caller, 'contribute', newName);
        await requireFree(trx, newName);
        const at = now().toISOString();
        await passGuard(trx, act, name, { kind: 'rename-model' }, at);
        const wake = await closeUnanswered(trx, name, act, `renamed to ${newName}`, at);
        await moveName(trx, name, newName, at);
        await trx('registered_models').where({ name: newName }).update({ updated_at: at });
        const renamed = { at, model: name, action: 'RENAMED_MODEL' as const, comment: `renamed to ${newName}` };
        await writeActivity(trx, { ...renamed, ...actor(act), details: { newName } });
        return { model: await readModel(trx, newName), wake };
      }),
  };
}

/** All stages that versions of the model are in. */
export async function stagesOf(trx: Knex, model: string): Promise<Stage[]> {
  return (await trx('model_versions').where({ model }).whereNull('deleted_at').distinct().pluck('stage')) as Stage[];
}

/** Closes all that waits for an answer about the model; answers the workflows that wait. */
export async function closeUnanswered(
  trx: Knex,
  model: string,
  act: Act,
  comment: string,
  at: string,
): Promise<string[]> {
  const requests = await selectRequests(trx, { model });
  const unanswered = requests.filter((request) => request.status === 'open' || request.status === 'asked');
  for (const request of unanswered) {
    await closeRequest(trx, request, { status: 'cancelled', ...actor(act), comment, at });
  }
  return workflowsOf(unanswered);
}

/**
 * Tables whose rows belong to a model and go where it goes. The audit and the decisions do not: they say what was said,
 * under the name of the time. Nor do grants of roles and records of policy: they speak of names.
 */
export const FOLLOWS_ITS_MODEL = [
  'registered_model_tags',
  'model_versions',
  'model_version_tags',
  'comments',
  'aliases',
  'transition_requests',
  'gate_results',
  'production_history',
  'retraining_leases',
  'retrainings',
  'waivers',
  'approval_conditions',
  'subscribers',
] as const;

/** Moves all rows of a model to another name. */
export async function moveName(trx: Knex, name: string, newName: string, at: string): Promise<void> {
  await deferForeignKeys(trx);
  await trx('registered_models').where({ name }).update({ name: newName });
  for (const table of FOLLOWS_ITS_MODEL) await trx(table).where({ model: name }).update({ model: newName });
  await trx('renamed_models').insert({ old_name: name, new_name: newName, at });
}
