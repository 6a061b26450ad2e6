import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import { requireRight } from '../api/require-right.ts';
import type { RegistryDatabase } from '../database.ts';
import type { Caller } from '../identity/caller.ts';
import { requireVersion } from '../model-versions.ts';
import { commentId, writeComment, type VersionName } from '../version-notes.ts';
import { actor, type Act } from './act.ts';

/** A comment as registry clients see it. */
export interface ClientComment extends VersionName {
  readonly id: string;
  readonly author: string;
  readonly comment: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

interface CommentRow {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly author: string;
  readonly comment: string;
  readonly created_at: string;
  readonly updated_at: string;
}

const LONGEST_COMMENT = 65_535;

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Comments, for registry clients: only who wrote one changes it. The audit keeps what it said before. */
export function createComments({ db, now }: Deps) {
  return {
    /** Adds a comment, once per key; answers its id. @throws UnknownModel */
    addClientComment: (
      { model, version, key, comment }: VersionName & { readonly key: string; readonly comment: string },
      caller: Caller,
    ): Promise<string> =>
      db.write(async (trx) => {
        requireCommentText(comment);
        requireRight(caller, 'contribute', model);
        await requireVersion(trx, model, version);
        const at = now().toISOString();
        const naturalKey = `client/${key}`;
        const { name: by, proof } = caller;
        if (await writeComment(trx, { naturalKey, model, version, author: by, comment, at })) {
          await writeActivity(trx, { at, model, version, action: 'NEW_COMMENT', by, proof, comment });
        }
        return commentId(naturalKey);
      }),

    /** @throws UnknownResource */
    clientComment: (id: string): Promise<ClientComment> => db.read((knex) => requireComment(knex, id)),

    /** @throws NotAuthorized for a caller who did not write it */
    editComment: (id: string, text: string, act: Act): Promise<ClientComment> =>
      db.write(async (trx) => {
        requireCommentText(text);
        const { model, version, comment: before } = await requireOwn(trx, id, act);
        const at = now().toISOString();
        await trx('comments').where({ id }).update({ comment: text, updated_at: at });
        const edited = { at, model, version, action: 'EDITED_COMMENT' as const, comment: text };
        await writeActivity(trx, { ...edited, ...actor(act), details: { commentId: id, before } });
        return requireComment(trx, id);
      }),

    /** @throws NotAuthorized for a caller who neither wrote it nor administers the registry */
    deleteComment: (id: string, act: Act): Promise<void> =>
      db.write(async (trx) => {
        const { model, version, comment } = act.caller.may('administer')
          ? await requireComment(trx, id)
          : await requireOwn(trx, id, act);
        await trx('comments').where({ id }).delete();
        const deleted = { at: now().toISOString(), model, version, action: 'DELETED_COMMENT' as const, comment };
        await writeActivity(trx, { ...deleted, ...actor(act), details: { commentId: id } });
      }),
  };
}

/** @throws InvalidInput */
export function requireCommentText(comment: string): void {
  if (comment.trim() !== '' && comment.length <= LONGEST_COMMENT) return;
  throw new SuperstepError('InvalidInput', `a comment has 1 to ${LONGEST_COMMENT} characters, found ${comment.length}`);
}

async function requireOwn(trx: Knex, id: string, { caller }: Act): Promise<ClientComment> {
  const comment = await requireComment(trx, id);
  requireRight(caller, 'contribute', comment.model);
  if (comment.author === caller.name) return comment;
  throw new SuperstepError(
    'NotAuthorized',
    `the comment was written by ${comment.author}; only its author changes it`,
    { id },
  );
}

async function requireComment(knex: Knex, id: string): Promise<ClientComment> {
  const row = await knex('comments').where({ id }).first<CommentRow | undefined>('*');
  if (row === undefined) throw new SuperstepError('UnknownResource', `there is no comment "${id}"`, { id });
  const { created_at: createdAt, updated_at: updatedAt, ...rest } = row;
  return {
    id: rest.id,
    model: rest.model,
    version: rest.version,
    author: rest.author,
    comment: rest.comment,
    createdAt,
    updatedAt,
  };
}
