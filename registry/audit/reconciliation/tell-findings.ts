import { writeActivity } from '../../activity-log.ts';
import { canonicalJson } from '../../canonical-json.ts';
import type { RegistryDatabase } from '../../database.ts';
import type { Finding } from './rules.ts';

/** An activity is read by people: it names the first findings and counts the others. */
const MOST_TOLD = 20;

interface ToldFindings {
  readonly count: number;
  readonly findings: readonly string[];
}

/**
 * Writes into the audit what a reconciliation found, for those who are told of it, unless it is what the last one found:
 * what stands for a week is told once, and once more when all fits again.
 */
export async function tellFindings(db: RegistryDatabase, findings: readonly Finding[], at: Date): Promise<void> {
  const told: ToldFindings = { count: findings.length, findings: findings.slice(0, MOST_TOLD).map(inOneLine) };
  await db.write(async (trx) => {
    const last = await trx('activity_log')
      .where({ action: 'RECONCILED' })
      .orderBy('id', 'desc')
      .first<{ details: string } | undefined>('details');
    const before: ToldFindings =
      last === undefined ? { count: 0, findings: [] } : (JSON.parse(last.details) as ToldFindings);
    if (canonicalJson(before) === canonicalJson(told)) return;
    const comment = findings.length === 0 ? 'all fits again' : `${findings.length} findings`;
    await writeActivity(trx, {
      at: at.toISOString(),
      action: 'RECONCILED',
      by: 'superstep',
      comment,
      details: { ...told },
    });
  });
}

function inOneLine({ kind, model, version, found, meaning, repair }: Finding): string {
  return `${kind}, ${model}${version === null ? '' : ` version ${version}`}: ${found}. It means: ${meaning}. To do: ${repair}`;
}
