import type { Knex } from 'knex';
import { idFromKey } from './natural-keys.ts';

export interface VersionName {
  readonly model: string;
  readonly version: number;
}

export interface VersionComment {
  readonly id: string;
  readonly author: string;
  readonly comment: string;
  readonly createdAt: string;
}

/** Sets tags; one that is there takes the new value. */
export async function writeVersionTags(
  trx: Knex,
  { model, version }: VersionName,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [key, value] of Object.entries(tags)) {
    await trx('model_version_tags')
      .insert({ model, version, key, value })
      .onConflict(['model', 'version', 'key'])
      .merge(['value']);
  }
}

export async function deleteVersionTag(trx: Knex, { model, version }: VersionName, key: string): Promise<void> {
  await trx('model_version_tags').where({ model, version, key }).delete();
}

/** The id of the comment with this natural key. */
export function commentId(naturalKey: string): string {
  return idFromKey('comment', naturalKey);
}

/** Writes a comment once per natural key; false when it was there. */
export async function writeComment(
  trx: Knex,
  note: VersionName & {
    readonly naturalKey: string;
    readonly author: string;
    readonly comment: string;
    readonly at: string;
  },
): Promise<boolean> {
  const id = commentId(note.naturalKey);
  if ((await trx('comments').where({ id }).first('id')) !== undefined) return false;
  await trx('comments').insert({
    id,
    natural_key: note.naturalKey,
    model: note.model,
    version: note.version,
    author: note.author,
    comment: note.comment,
    created_at: note.at,
    updated_at: note.at,
  });
  return true;
}
