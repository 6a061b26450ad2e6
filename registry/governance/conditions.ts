import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import type { RegistryDatabase } from '../database.ts';
import type { CallerProof } from '../identity/caller.ts';
import { idFromKey } from '../natural-keys.ts';
import type { VersionName } from '../version-notes.ts';

/** What an approver asked for together with the yes, and until when. */
export interface ApprovalCondition extends VersionName {
  readonly id: string;
  readonly requestId: string;
  readonly condition: string;
  /** ISO instant. */
  readonly dueAt: string;
  readonly imposedBy: string;
  readonly imposedAt: string;
  readonly fulfilledAt: string | null;
  readonly fulfilledBy: string | null;
  readonly fulfilledComment: string | null;
}

interface ConditionRow {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly request_id: string;
  readonly condition: string;
  readonly due_at: string;
  readonly imposed_by: string;
  readonly imposed_at: string;
  readonly fulfilled_at: string | null;
  readonly fulfilled_by: string | null;
  readonly fulfilled_comment: string | null;
}

export interface ImposedCondition extends VersionName {
  readonly requestId: string;
  readonly condition: string;
  readonly dueAt: string;
  readonly imposedBy: string;
  readonly at: string;
}

/** Keeps the conditions of an approval, in the transaction that promotes on it; a repeat finds them. */
export async function imposeConditions(trx: Knex, conditions: readonly ImposedCondition[]): Promise<void> {
  for (const { requestId, condition, dueAt, imposedBy, model, version, at } of conditions) {
    await trx('approval_conditions')
      .insert({
        id: idFromKey('condition', `${requestId}/${imposedBy}/${condition}`),
        model,
        version,
        request_id: requestId,
        condition,
        due_at: dueAt,
        imposed_by: imposedBy,
        imposed_at: at,
      })
      .onConflict('id')
      .ignore();
  }
}

export function createConditions({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /** Conditions of a model's approvals, or of all, earliest due first. */
    conditions: (model?: string): Promise<ApprovalCondition[]> =>
      db.read((knex) => selectConditions(knex, model === undefined ? {} : { model })),

    /** Says that a condition is met; one that is stays as it is. @throws UnknownResource, InvalidInput without a comment */
    fulfilCondition: (
      id: string,
      { by, proof, comment }: { readonly by: string; readonly proof: CallerProof; readonly comment: string },
    ): Promise<ApprovalCondition> =>
      db.write(async (trx) => {
        const [condition] = await selectConditions(trx, { id });
        if (condition === undefined) {
          const list = 'npm run waivers -- conditions shows them';
          throw new SuperstepError('UnknownResource', `there is no condition "${id}"; ${list}`);
        }
        if (condition.fulfilledAt !== null) return condition;
        if (comment.trim() === '') {
          throw new SuperstepError('InvalidInput', `condition ${id} needs a comment that says how it was met`);
        }
        const at = now().toISOString();
        await trx('approval_conditions')
          .where({ id })
          .update({ fulfilled_at: at, fulfilled_by: by, fulfilled_comment: comment });
        const { model, version } = condition;
        await writeActivity(trx, {
          at,
          model,
          version,
          action: 'FULFILLED_CONDITION',
          by,
          proof,
          comment: `${condition.condition}: ${comment}`,
          details: { condition: id },
        });
        return { ...condition, fulfilledAt: at, fulfilledBy: by, fulfilledComment: comment };
      }),
  };
}

async function selectConditions(
  knex: Knex,
  where: Partial<Pick<ConditionRow, 'id' | 'model'>>,
): Promise<ApprovalCondition[]> {
  const rows = await knex('approval_conditions')
    .where(where)
    .orderBy(['due_at', 'sequence'])
    .select<ConditionRow[]>('*');
  return rows.map((row) => ({
    id: row.id,
    model: row.model,
    version: row.version,
    requestId: row.request_id,
    condition: row.condition,
    dueAt: row.due_at,
    imposedBy: row.imposed_by,
    imposedAt: row.imposed_at,
    fulfilledAt: row.fulfilled_at,
    fulfilledBy: row.fulfilled_by,
    fulfilledComment: row.fulfilled_comment,
  }));
}
