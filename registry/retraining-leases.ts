import type { Knex } from 'knex';
import type { RegistryDatabase } from './database.ts';

export interface AcquireLeaseInput {
  readonly model: string;
  /** Workflow id of the retraining. */
  readonly holder: string;
  /** ISO instant that the retraining stands at: cool-down and budget count in this time. */
  readonly asOf: string;
  /** The monitored window that asks for it, for the record. */
  readonly window: string;
  /** Least as-of time between two retrainings. */
  readonly coolDownMs: number;
  /** At most `count` retrainings in any `perMs` of as-of time. */
  readonly atMost: { readonly count: number; readonly perMs: number };
  /** Wall time after which a lease that nobody released is void. */
  readonly leaseMs: number;
}

export type AcquireLeaseResult =
  | { readonly granted: true }
  | { readonly granted: false; readonly reason: 'done' | 'running' | 'cool-down' | 'budget'; readonly why: string };

/** A retraining that was granted. */
export interface Retraining {
  readonly workflowId: string;
  readonly asOf: string;
  readonly window: string;
  readonly grantedAt: string;
  readonly releasedAt: string | null;
}

interface LeaseRow {
  readonly model: string;
  readonly holder: string;
  readonly expires_at: string;
}

interface RetrainingRow {
  readonly workflow_id: string;
  readonly as_of: string;
  readonly monitored_window: string;
  readonly granted_at: string;
  readonly released_at: string | null;
}

export function createRetrainingLeases({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Lets one retraining per model run at a time, within cool-down and budget. Whoever was granted one is granted it
     * again until its release; after that the answer is `done`, for the retraining of this window has been.
     */
    acquireRetrainingLease: (input: AcquireLeaseInput): Promise<AcquireLeaseResult> =>
      db.write((trx) => acquire(trx, input, now())),

    /** Ends a lease, if this holder has it. */
    releaseRetrainingLease: ({ model, holder }: { readonly model: string; readonly holder: string }): Promise<void> =>
      db.write((trx) => releaseLease(trx, model, holder, now().toISOString())),

    /** Retrainings that were granted, in as-of order. */
    retrainings: (model: string): Promise<Retraining[]> => db.read((knex) => selectRetrainings(knex, model)),
  };
}

/** Ends a lease, if this holder has it, in the caller's transaction. */
export async function releaseLease(trx: Knex, model: string, holder: string, at: string): Promise<void> {
  await trx('retraining_leases').where({ model, holder }).delete();
  await trx('retrainings').where({ model, workflow_id: holder }).whereNull('released_at').update({ released_at: at });
}

async function acquire(trx: Knex, input: AcquireLeaseInput, now: Date): Promise<AcquireLeaseResult> {
  const { model, holder } = input;
  const asOf = new Date(input.asOf).toISOString();
  const earlier = await selectRetrainings(trx, model);
  const own = earlier.find((retraining) => retraining.workflowId === holder);
  if (own !== undefined && own.releasedAt !== null) {
    const why = `${holder} has retrained ${model} for the window ${own.window} already (its lease ended at ${own.releasedAt}); one retraining a window`;
    return { granted: false, reason: 'done', why };
  }

  const lease = await trx('retraining_leases').where({ model }).first<LeaseRow | undefined>('*');
  const held = lease !== undefined && lease.expires_at > now.toISOString();
  if (held && lease.holder === holder) return { granted: true };
  if (held) {
    const why = `${lease.holder} is retraining ${model}; one at a time (its lease ends at ${lease.expires_at} at the latest)`;
    return { granted: false, reason: 'running', why };
  }
  const refusal = own === undefined ? refuse(input, asOf, earlier) : undefined;
  if (refusal !== undefined) return refusal;

  const at = now.toISOString();
  const expires = new Date(now.getTime() + input.leaseMs).toISOString();
  await trx('retraining_leases')
    .insert({ model, holder, acquired_at: at, expires_at: expires })
    .onConflict('model')
    .merge(['holder', 'acquired_at', 'expires_at']);
  if (own === undefined) {
    await trx('retrainings').insert({
      model,
      workflow_id: holder,
      as_of: asOf,
      monitored_window: input.window,
      granted_at: at,
    });
  }
  return { granted: true };
}

/** Back-tests may ask out of order, so both rules look in both directions: they hold for every order of asking. */
function refuse(
  input: AcquireLeaseInput,
  asOf: string,
  earlier: readonly Retraining[],
): AcquireLeaseResult | undefined {
  const at = Date.parse(asOf);
  const near = earlier.find((r) => Math.abs(Date.parse(r.asOf) - at) < input.coolDownMs);
  if (near !== undefined) {
    const why = `cool-down: ${near.workflowId} retrained as of ${near.asOf}, less than ${days(input.coolDownMs)} from ${asOf}`;
    return { granted: false, reason: 'cool-down', why };
  }
  const { count, perMs } = input.atMost;
  const instants = [...earlier.map((r) => Date.parse(r.asOf)), at];
  const ends = instants.filter((end) => end >= at && end < at + perMs);
  const most = Math.max(...ends.map((end) => instants.filter((t) => t <= end && t > end - perMs).length));
  if (most > count) {
    const why = `budget: ${most - 1} retrainings within ${days(perMs)} of ${asOf} already; at most ${count}`;
    return { granted: false, reason: 'budget', why };
  }
  return undefined;
}

function days(milliseconds: number): string {
  return `${Number((milliseconds / 86_400_000).toFixed(2))} days`;
}

async function selectRetrainings(knex: Knex, model: string): Promise<Retraining[]> {
  const rows = await knex('retrainings')
    .where({ model })
    .orderBy(['as_of', 'workflow_id'])
    .select<RetrainingRow[]>('*');
  return rows.map((row) => ({
    workflowId: row.workflow_id,
    asOf: row.as_of,
    window: row.monitored_window,
    grantedAt: row.granted_at,
    releasedAt: row.released_at,
  }));
}
