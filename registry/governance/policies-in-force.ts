import { writeActivity } from '../activity-log.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { RegistryDatabase } from '../database.ts';

/** A policy as the environment's workers found it. */
export interface FoundPolicy {
  readonly digest: string;
  /** The policy, defaults filled in: plain JSON. */
  readonly content: unknown;
  /** The commit that its file equals; null where there is none. */
  readonly commit: string | null;
}

/** A field that differs, and both values; undefined where there is none. */
export interface PolicyDifference {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

interface InForceRow {
  readonly digest: string;
  readonly content: string;
}

export function createPoliciesInForce({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Audits a change of policy: whoever loads the policy says what it found; when it is not the one in force before,
     * the change is written down, field by field. The first policy of an environment is one too.
     */
    notePolicy: async ({ digest, content, commit }: FoundPolicy): Promise<void> => {
      const latest = (): Promise<InForceRow | undefined> =>
        db.read((knex) =>
          knex('policies_in_force').orderBy('sequence', 'desc').first<InForceRow | undefined>('digest', 'content'),
        );
      // Every promotion asks; nearly always nothing has changed, and a read does not queue.
      if ((await latest())?.digest === digest) return;
      await db.write(async (trx) => {
        const before = await trx('policies_in_force')
          .orderBy('sequence', 'desc')
          .first<InForceRow | undefined>('digest', 'content');
        if (before?.digest === digest) return;
        const at = now().toISOString();
        await trx('policies_in_force').insert({ digest, content: canonicalJson(content), commit, since: at });
        const differences =
          before === undefined ? [] : policyDifferences(JSON.parse(before.content) as unknown, content);
        const fields = differences.map(({ field }) => field).join(', ');
        await writeActivity(trx, {
          at,
          action: 'CHANGED_POLICY',
          by: commit === null ? 'no commit' : `commit ${commit}`,
          comment: before === undefined ? 'the first policy' : `changed: ${fields}`,
          details: {
            digest,
            previous: before?.digest ?? null,
            differences: differences.map(({ field, before: was, after }) => ({
              field,
              before: was ?? null,
              after: after ?? null,
            })),
          },
        });
      });
    },
  };
}

/** The fields that differ between two policies, by dotted path; lists are compared as a whole. */
export function policyDifferences(before: unknown, after: unknown, path = ''): PolicyDifference[] {
  if (isFields(before) && isFields(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .sort()
      .flatMap((key) => policyDifferences(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ field: path, before, after }];
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
