import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import { requireRight } from '../api/require-right.ts';
import type { RegistryDatabase } from '../database.ts';
import { asRead } from '../look-alikes.ts';
import { requireVersion } from '../model-versions.ts';
import { ARCHIVED_REASON_TAG } from '../stages.ts';
import { deleteVersionTag, writeVersionTags, type VersionName } from '../version-notes.ts';
import { actor, BREAK_GLASS_TAG, type Act } from './act.ts';
import { EVALUATION_RUN_TAG } from './adoption.ts';
import { requireTag } from './model-names.ts';
import { requireModel, type Tag } from './read-models.ts';

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Tags of models and versions, for registry clients. */
export function createClientTags({ db, now }: Deps) {
  return {
    /** @throws UnknownModel */
    setModelTag: ({ model, key, value }: { readonly model: string } & Tag, act: Act): Promise<void> =>
      db.write(async (trx) => {
        requireWritableTag(act, model, key, value);
        await requireModel(trx, model);
        const at = now().toISOString();
        await trx('registered_model_tags').insert({ model, key, value }).onConflict(['model', 'key']).merge(['value']);
        await writeActivity(trx, {
          at,
          model,
          action: 'SET_TAG',
          ...actor(act),
          details: { key, value: shown(value) },
        });
      }),

    /** An absent tag is fine. @throws UnknownModel */
    deleteModelTag: ({ model, key }: { readonly model: string; readonly key: string }, act: Act): Promise<void> =>
      db.write(async (trx) => {
        requireWritableTag(act, model, key);
        await requireModel(trx, model);
        if ((await trx('registered_model_tags').where({ model, key }).delete()) === 0) return;
        await writeActivity(trx, {
          at: now().toISOString(),
          model,
          action: 'DELETED_TAG',
          ...actor(act),
          details: { key },
        });
      }),

    /** @throws UnknownModel */
    setVersionTag: ({ model, version, key, value }: VersionName & Tag, act: Act): Promise<void> =>
      db.write(async (trx) => {
        requireWritableTag(act, model, key, value);
        await requireVersion(trx, model, version);
        await writeVersionTags(trx, { model, version }, { [key]: value });
        const set = { at: now().toISOString(), model, version, action: 'SET_TAG' as const };
        await writeActivity(trx, { ...set, ...actor(act), details: { key, value: shown(value) } });
      }),

    /** An absent tag is fine. @throws UnknownModel */
    deleteVersionTag: ({ model, version, key }: VersionName & { readonly key: string }, act: Act): Promise<void> =>
      db.write(async (trx) => {
        requireWritableTag(act, model, key);
        await requireVersion(trx, model, version);
        if ((await trx('model_version_tags').where({ model, version, key }).first('key')) === undefined) return;
        await deleteVersionTag(trx, { model, version }, key);
        const deleted = { at: now().toISOString(), model, version, action: 'DELETED_TAG' as const };
        await writeActivity(trx, { ...deleted, ...actor(act), details: { key } });
      }),
  };
}

/**
 * Tags that tell what the gates found, and all that read like them: written by the gates alone, or people would read
 * what nobody judged.
 */
function isOfTheGates(key: string): boolean {
  const read = asRead(key);
  return (
    /^(?:gate|compliance|comparison|approval)\./.test(read) ||
    read === ARCHIVED_REASON_TAG ||
    read === EVALUATION_RUN_TAG
  );
}

// The audit says which tag was set to what; a long text is cut.
const LONGEST_SHOWN = 1_000;

/** @throws InvalidInput for what no tag can be; NotAuthorized for a tag that this caller may not write */
export function requireWritableTag(act: Act, model: string, key: string, value?: string): void {
  requireTag(key, value);
  requireRight(act.caller, key === BREAK_GLASS_TAG ? 'break-glass' : 'contribute', model);
  if (!isOfTheGates(key)) return;
  throw new SuperstepError(
    'NotAuthorized',
    `the tag "${key}" tells what a gate found and is written by gates alone; choose another key`,
    {
      model,
      key,
    },
  );
}

function shown(value: string): string {
  return value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value;
}
