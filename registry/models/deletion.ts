import type { Knex } from 'knex';
import { writeActivity } from '../activity-log.ts';
import { requireRight } from '../api/require-right.ts';
import type { RegistryDatabase } from '../database.ts';
import { requireVersion } from '../model-versions.ts';
import { closeOpenRequests, workflowsOf } from '../open-requests.ts';
import type { VersionName } from '../version-notes.ts';
import { actor, passGuard, rightOver, type Act, type Passed } from './act.ts';
import { moveByHand } from './moves-by-hand.ts';
import { requireModel } from './read-models.ts';
import { closeUnanswered, moveName, stagesOf } from './rename.ts';

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** What is deleted is hidden from clients and keeps its governed rows: decisions and history outlive it. */
export interface Deleted {
  /** Workflows whose gate that closed. */
  readonly wake: readonly string[];
}

/** The stage text of a deleted version. */
const DELETED_STAGE = 'Deleted_Internal';

/** Deleting models and versions, for registry clients. */
export function createDeletion({ db, now }: Deps) {
  return {
    /**
     * Hides a version for good: its number does not come again, its aliases are removed, source and run forgotten.
     *
     * @throws NotAuthorized for one in Production, unless the policy lets it, or at its gate or on its way there
     * @throws UnknownModel
     */
    deleteVersion: (name: VersionName, act: Act): Promise<Deleted> =>
      db.write(async (trx) => {
        const { model } = name;
        const version = await requireVersion(trx, model, name.version);
        requireRight(act.caller, rightOver([version.stage]), model);
        const at = now().toISOString();
        const passed = await passGuard(trx, act, model, { kind: 'delete-version', version: version.version }, at);
        const wake = await retire(trx, name, act, passed, at);
        const named = { model, version: version.version };
        const aliases = (await trx('aliases').where(named).pluck('alias')) as string[];
        await trx('aliases').where(named).delete();
        await trx('model_versions').where(named).update({
          stage: DELETED_STAGE,
          source: '',
          download_uri: null,
          run_id: null,
          run_link: '',
          deleted_at: at,
          updated_at: at,
        });
        await trx('registered_models').where({ name: model }).update({ updated_at: at });
        const deleted = { at, ...named, action: 'DELETED_VERSION' as const, ...actor(act), comment: passed.reason };
        await writeActivity(trx, { ...deleted, details: { aliases, stage: version.stage, source: version.source } });
        return { wake };
      }),

    /**
     * Hides a model with all its versions; its name is free again, for versions from 1.
     *
     * @throws NotAuthorized while a version is in Production, unless the policy lets it, or waits at its gate or is on its way there
     * @throws UnknownModel
     */
    deleteModel: (model: string, act: Act): Promise<Deleted> =>
      db.write(async (trx) => {
        await requireModel(trx, model);
        requireRight(act.caller, rightOver(await stagesOf(trx, model)), model);
        const at = now().toISOString();
        const passed = await passGuard(trx, act, model, { kind: 'delete-model' }, at);
        const production = (await trx('model_versions')
          .where({ model, stage: 'Production' })
          .pluck('version')) as number[];
        const wake: string[] = [];
        for (const version of production) wake.push(...(await retire(trx, { model, version }, act, passed, at)));
        wake.push(...(await closeUnanswered(trx, model, act, 'the model was deleted', at)));
        await trx('aliases').where({ model }).delete();
        await trx('model_versions').where({ model }).whereNull('deleted_at').update({ deleted_at: at });
        const tombstone = await freeTombstone(trx, model);
        await trx('registered_models').where({ name: model }).update({ deleted_at: at });
        await moveName(trx, model, tombstone, at);
        const deleted = { at, model, action: 'DELETED_MODEL' as const, ...actor(act), comment: passed.reason };
        await writeActivity(trx, { ...deleted, details: { newName: tombstone } });
        return { wake: [...new Set(wake)] };
      }),
  };
}

/** Takes a version out of Production and away from its gate, so that history says until when it was there. */
async function retire(trx: Knex, name: VersionName, act: Act, passed: Passed, at: string): Promise<string[]> {
  const version = await requireVersion(trx, name.model, name.version);
  if (version.stage !== 'Production') {
    const closing = { status: 'cancelled' as const, ...actor(act), comment: 'the version was deleted', at };
    return workflowsOf(await closeOpenRequests(trx, name, closing));
  }
  return moveByHand(trx, { version, to: 'Archived', act, passed, comment: 'deleted', at, side: true });
}

/** A name that no client can write: it holds slashes. */
async function freeTombstone(trx: Knex, model: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = `deleted/${model}/${n}`;
    if ((await trx('registered_models').where({ name }).first('name')) === undefined) return name;
  }
}
