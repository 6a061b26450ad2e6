import type { Knex } from 'knex';
import { writeActivity, type ActivityInput } from './activity-log.ts';
import type { ModelVersion } from './model-versions.ts';
import { closeOpenRequests } from './open-requests.ts';
import { ARCHIVED_REASON_TAG, requireMove, type MoveCause, type Stage } from './stages.ts';
import { deleteVersionTag, writeComment, writeVersionTags } from './version-notes.ts';

export interface StageMove extends Omit<ActivityInput, 'fromStage' | 'toStage' | 'model' | 'version'> {
  readonly version: ModelVersion;
  readonly to: Stage;
  readonly cause: MoveCause;
  /** For a move to Archived: one word for the tag, for example `rejected`. */
  readonly reason?: string;
}

/**
 * Moves a version, logs it, and keeps what hangs on it in step: a version that is archived or enters Production has
 * no open request afterwards, and its reason tag says why it is archived, or is gone.
 */
export async function moveStage(trx: Knex, move: StageMove): Promise<void> {
  const { version, to, cause, reason, ...activity } = move;
  requireMove(cause, version, to);
  const named = { model: version.model, version: version.version };
  if (version.stage !== to) {
    await trx('model_versions').where(named).update({ stage: to, updated_at: move.at });
    await trx('registered_models').where({ name: version.model }).update({ updated_at: move.at });
    await writeActivity(trx, { ...activity, ...named, fromStage: version.stage, toStage: to });
  }
  if (to === 'Archived' || to === 'Production') {
    const { by, at, proof, comment = '' } = move;
    const closing = { status: 'cancelled' as const, by, comment, at };
    await closeOpenRequests(trx, named, proof === undefined ? closing : { ...closing, proof });
  }
  if (to === 'Archived' && reason !== undefined) {
    await writeVersionTags(trx, named, { [ARCHIVED_REASON_TAG]: reason });
  } else if (to !== 'Archived') {
    await deleteVersionTag(trx, named, ARCHIVED_REASON_TAG);
  }
}

/** A move to Archived with its reason as tag and comment. `commentKey` names the comment, so a repeat writes none. */
export async function archive(trx: Knex, move: Omit<StageMove, 'to'> & { readonly commentKey: string }): Promise<void> {
  const { commentKey, ...rest } = move;
  await moveStage(trx, { ...rest, to: 'Archived' });
  const named = { model: move.version.model, version: move.version.version };
  const comment = `${move.reason ?? 'archived'}: ${move.comment ?? ''}`;
  await writeComment(trx, { naturalKey: commentKey, ...named, author: move.by, comment, at: move.at });
}
