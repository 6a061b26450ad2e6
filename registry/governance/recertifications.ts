import type { RecertificationFinding } from '../../contracts/recertify-models.ts';
import { writeActivity } from '../activity-log.ts';
import type { RegistryDatabase } from '../database.ts';
import { completedResult, completeOperation } from '../natural-keys.ts';
import type { VersionName } from '../version-notes.ts';

export interface RecordRecertificationInput extends VersionName {
  /** Names this recertification; the next one is another key. */
  readonly naturalKey: string;
  readonly findings: readonly RecertificationFinding[];
  /** Null when nobody looked and only the rules were held against it. */
  readonly review: { readonly by: string; readonly comment: string } | null;
  readonly workflowId: string;
}

export function createRecertifications({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /** Writes down how what is in Production stood against the policy of the day, once per natural key. */
    recordRecertification: ({ naturalKey, findings, review, workflowId, ...named }: RecordRecertificationInput) =>
      db.write(async (trx): Promise<void> => {
        if ((await completedResult<true>(trx, 'recertify', naturalKey)) !== undefined) return;
        const at = now().toISOString();
        const found = findings.map(({ finding }) => finding).join('; ');
        await writeActivity(trx, {
          at,
          ...named,
          action: 'RECERTIFIED',
          by: review?.by ?? 'superstep',
          comment: `${review === null ? '' : `${review.comment}. `}${found === '' ? 'passes today' : found}`,
          workflowId,
          details: { reviewed: review !== null, findings: findings.map((finding) => ({ ...finding })) },
        });
        await completeOperation(trx, 'recertify', naturalKey, true, at);
      }),

    /** When somebody last looked at a version in Production and said so; null for never. */
    lastReview: ({ model, version }: VersionName): Promise<string | null> =>
      db.read(async (knex) => {
        const rows = await knex('activity_log')
          .where({ model, version, action: 'RECERTIFIED' })
          .orderBy('id', 'desc')
          .select<{ at: string; details: string | null }[]>('at', 'details');
        const reviewed = rows.find(({ details }) => {
          const facts = JSON.parse(details ?? '{}') as { readonly reviewed?: boolean };
          return facts.reviewed === true;
        });
        return reviewed?.at ?? null;
      }),
  };
}
