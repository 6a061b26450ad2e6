import type { Knex } from 'knex';
import type { RegistryDatabase } from './database.ts';
import type { VersionName } from './version-notes.ts';

/** `direct` is by hand where the policy allows it, `break-glass` by hand where it does not. */
export type EnteredThrough = 'promotion' | 'rollback' | 'direct' | 'break-glass';

/** A stay of a version in Production. */
export interface ProductionStay extends VersionName {
  readonly enteredAt: string;
  /** Null while it is there. */
  readonly leftAt: string | null;
  readonly enteredThrough: EnteredThrough;
  readonly requestId: string | null;
  readonly evidenceDigest: string | null;
  /** Who approved the promotion, or asked for the rollback. */
  readonly decidedBy: readonly string[];
  readonly reason: string;
  readonly workflowId: string | null;
  /** Whether a rollback ended it. */
  readonly rolledBackFrom: boolean;
}

interface StayRow {
  readonly model: string;
  readonly version: number;
  readonly entered_at: string;
  readonly left_at: string | null;
  readonly entered_through: EnteredThrough;
  readonly request_id: string | null;
  readonly evidence_digest: string | null;
  readonly decided_by: string;
  readonly reason: string;
  readonly workflow_id: string | null;
  readonly rolled_back_from: number | boolean;
}

export function createProductionHistory({ db }: { readonly db: RegistryDatabase }) {
  return {
    /** Who served at an instant, who decided that, and on which evidence; undefined when nobody did. */
    productionAt: (model: string, instant: string): Promise<ProductionStay | undefined> =>
      db.read(async (knex) => {
        const at = new Date(instant).toISOString();
        const stays = await selectStays(knex, model);
        return stays.findLast((stay) => stay.enteredAt <= at && (stay.leftAt === null || stay.leftAt > at));
      }),

    /** All stays in Production, oldest first. */
    productionHistory: (model: string): Promise<ProductionStay[]> => db.read((knex) => selectStays(knex, model)),
  };
}

/** All stays in Production, oldest first. */
export async function selectStays(knex: Knex, model: string): Promise<ProductionStay[]> {
  const rows = await knex('production_history').where({ model }).orderBy('id').select<StayRow[]>('*');
  return rows.map((row) => ({
    model: row.model,
    version: row.version,
    enteredAt: row.entered_at,
    leftAt: row.left_at,
    enteredThrough: row.entered_through,
    requestId: row.request_id,
    evidenceDigest: row.evidence_digest,
    decidedBy: JSON.parse(row.decided_by) as string[],
    reason: row.reason,
    workflowId: row.workflow_id,
    rolledBackFrom: Boolean(row.rolled_back_from),
  }));
}

/** Ends the model's current stay, if there is one, and begins the next. */
export async function beginStay(
  trx: Knex,
  stay: Omit<ProductionStay, 'leftAt' | 'rolledBackFrom'>,
  previousRolledBack: boolean,
): Promise<void> {
  await endStay(trx, stay.model, stay.enteredAt, previousRolledBack);
  await trx('production_history').insert({
    model: stay.model,
    version: stay.version,
    entered_at: stay.enteredAt,
    entered_through: stay.enteredThrough,
    request_id: stay.requestId,
    evidence_digest: stay.evidenceDigest,
    decided_by: JSON.stringify(stay.decidedBy),
    reason: stay.reason,
    workflow_id: stay.workflowId,
  });
}

/** Ends the model's current stay, if there is one. */
export async function endStay(trx: Knex, model: string, at: string, rolledBack = false): Promise<void> {
  const current = trx('production_history').where({ model }).whereNull('left_at');
  await current.update({ left_at: at, rolled_back_from: rolledBack });
}

/**
 * Where a rollback leads: the version that was in Production last, other than the current one, whose latest stay was
 * not itself ended by a rollback.
 */
export function rollbackTarget(stays: readonly ProductionStay[], current: number): ProductionStay | undefined {
  const latest = new Map(stays.map((stay) => [stay.version, stay]));
  return stays.findLast(
    (stay) => stay.version !== current && latest.get(stay.version) === stay && !stay.rolledBackFrom,
  );
}
