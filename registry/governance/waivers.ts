import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { GateResult } from '../../contracts/gates.ts';
import { CHECK_NAMES, isCheckName } from '../compliance-gate.ts';
import { writeActivity } from '../activity-log.ts';
import type { RegistryDatabase } from '../database.ts';
import type { CallerProof } from '../identity/caller.ts';
import { requireModel } from '../models/read-models.ts';
import { idFromKey, standingUnder } from '../natural-keys.ts';

/** Governance lets a check's fail pass, for a model or one version of it, until an instant. It ends by itself. */
export interface Waiver {
  readonly id: string;
  /** The check's name in the gate's result, for example `slices`. */
  readonly check: string;
  readonly model: string;
  /** Null for every version of the model. */
  readonly version: number | null;
  readonly reason: string;
  readonly grantedBy: string;
  readonly proof: CallerProof;
  readonly grantedAt: string;
  /** ISO instant; from then on it no longer counts. */
  readonly until: string;
  readonly revokedAt: string | null;
  readonly revokedBy: string | null;
}

export interface GrantWaiverInput extends Pick<
  Waiver,
  'check' | 'model' | 'version' | 'reason' | 'grantedBy' | 'proof' | 'until'
> {
  /** Names this grant: under the same key it is the same waiver, as long as that one stands. */
  readonly naturalKey: string;
}

interface WaiverRow {
  readonly id: string;
  readonly check_name: string;
  readonly model: string;
  readonly version: number;
  readonly reason: string;
  readonly granted_by: string;
  readonly proof: CallerProof;
  readonly granted_at: string;
  readonly until: string;
  readonly revoked_at: string | null;
  readonly revoked_by: string | null;
}

/** Longer than this is no waiver but another policy. */
const LONGEST_DAYS = 366;
const DAY_MS = 86_400_000;

export function createWaivers({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Grants a waiver, once per natural key. After it was revoked, or went away with its model, it is another one.
     *
     * @throws UnknownModel; InvalidInput for a check that there is none of, without a reason, or with an end that has passed or lies more than a year ahead
     */
    grantWaiver: (input: GrantWaiverInput): Promise<Waiver> =>
      db.write(async (trx) => {
        const { key, known } = await standingUnder(
          input.naturalKey,
          async (naturalKey) => (await selectWaivers(trx, { id: idFromKey('waiver', naturalKey) }))[0],
          // A model that was deleted or renamed took its waivers along.
          ({ revokedAt, model }) => revokedAt === null && model === input.model,
        );
        return known ?? grant(trx, { ...input, naturalKey: key }, now());
      }),

    /** Ends a waiver before its time; one that is revoked stays as it is. @throws UnknownResource */
    revokeWaiver: (id: string, { by, proof }: { readonly by: string; readonly proof: CallerProof }): Promise<Waiver> =>
      db.write(async (trx) => {
        const waiver = await requireWaiver(trx, id);
        if (waiver.revokedAt !== null) return waiver;
        const at = now().toISOString();
        await trx('waivers').where({ id }).update({ revoked_at: at, revoked_by: by });
        const { model, version, check } = waiver;
        const comment = `the waiver of ${check} ends`;
        const details = { waiver: id, check };
        await writeActivity(trx, {
          at,
          model,
          version: version ?? 0,
          action: 'REVOKED_WAIVER',
          by,
          proof,
          comment,
          details,
        });
        return requireWaiver(trx, id);
      }),

    /** All waivers of a model, or of all, oldest first; ended ones too. */
    waivers: (model?: string): Promise<Waiver[]> =>
      db.read((knex) => selectWaivers(knex, model === undefined ? {} : { model })),

    /** Waivers that count for a version at an instant. */
    activeWaivers: (model: string, version: number, at: string): Promise<Waiver[]> =>
      db.read(async (knex) =>
        (await selectWaivers(knex, { model })).filter(
          (waiver) =>
            (waiver.version === null || waiver.version === version) &&
            waiver.revokedAt === null &&
            waiver.grantedAt <= at &&
            at < waiver.until,
        ),
      ),
  };
}

/**
 * A gate's result with what governance has waived: a check that fails or is undecided passes, and says who let it,
 * why and until when. The verdict follows from the checks again.
 */
export function applyWaivers(result: GateResult, waivers: readonly Waiver[]): GateResult {
  const checks = result.checks.map((check) => {
    const waiver = waivers.find((one) => one.check === check.name);
    if (waiver === undefined || check.verdict === 'pass') return check;
    const { grantedBy, until, reason, id } = waiver;
    const found = `${check.found}; waived by ${grantedBy} until ${until}: ${reason}`;
    return { ...check, verdict: 'pass' as const, found, waiver: id };
  });
  const waived = checks.filter((check, i) => check !== result.checks[i]).map((check) => check.name);
  if (waived.length === 0) return result;
  const verdicts = checks.map((check) => check.verdict);
  const verdict = verdicts.includes('fail') ? 'fail' : verdicts.includes('inconclusive') ? 'inconclusive' : 'pass';
  return { ...result, verdict, checks, summary: `${result.summary} Waived: ${waived.join(', ')}.` };
}

async function grant(trx: Knex, input: GrantWaiverInput, now: Date): Promise<Waiver> {
  requireSensible(input, now);
  await requireModel(trx, input.model);
  const { naturalKey, ...granted } = input;
  const id = idFromKey('waiver', naturalKey);
  const until = new Date(input.until).toISOString();
  const waiver = { id, ...granted, until, grantedAt: now.toISOString(), revokedAt: null, revokedBy: null };
  await insertWaiver(trx, naturalKey, waiver);
  await writeActivity(trx, {
    at: waiver.grantedAt,
    model: waiver.model,
    version: waiver.version ?? 0,
    action: 'GRANTED_WAIVER',
    by: waiver.grantedBy,
    proof: waiver.proof,
    comment: `${waiver.check} is waived until ${until}: ${waiver.reason}`,
    details: { waiver: id, check: waiver.check, until },
  });
  return waiver;
}

function requireSensible(input: GrantWaiverInput, now: Date): void {
  const fault = faultOf(input, now);
  if (fault !== undefined) throw new SuperstepError('InvalidInput', `the waiver is not granted: ${fault}`);
}

function faultOf({ reason, until, check }: GrantWaiverInput, now: Date): string | undefined {
  if (reason.trim() === '') return 'it gives no reason; say why the check may be left unpassed';
  if (check.trim() === '') return 'it names no check; name one as the gate shows it, for example "slices"';
  if (!isCheckName(check)) {
    return `there is no check "${check.slice(0, 100)}"; expected one of ${CHECK_NAMES.join(', ')}, or tag_<name>`;
  }
  const end = Date.parse(until);
  if (Number.isNaN(end)) return `it ends at "${until}"; expected an instant such as 2001-06-01T00:00:00Z`;
  if (end <= now.getTime()) return `it ends at ${until}, which has passed`;
  if (end - now.getTime() > LONGEST_DAYS * DAY_MS) {
    return `it ends at ${until}, more than a year ahead: change the policy instead`;
  }
  return undefined;
}

async function requireWaiver(knex: Knex, id: string): Promise<Waiver> {
  const [waiver] = await selectWaivers(knex, { id });
  if (waiver !== undefined) return waiver;
  throw new SuperstepError('UnknownResource', `there is no waiver "${id}"; npm run waivers -- list shows them`);
}

async function insertWaiver(trx: Knex, naturalKey: string, waiver: Waiver): Promise<void> {
  await trx('waivers').insert({
    id: waiver.id,
    natural_key: naturalKey,
    check_name: waiver.check,
    model: waiver.model,
    version: waiver.version ?? 0,
    reason: waiver.reason,
    granted_by: waiver.grantedBy,
    proof: waiver.proof,
    granted_at: waiver.grantedAt,
    until: waiver.until,
  });
}

async function selectWaivers(knex: Knex, where: Partial<Pick<WaiverRow, 'id' | 'model'>>): Promise<Waiver[]> {
  const rows = await knex('waivers').where(where).orderBy('sequence').select<WaiverRow[]>('*');
  return rows.map((row) => ({
    id: row.id,
    check: row.check_name,
    model: row.model,
    version: row.version === 0 ? null : row.version,
    reason: row.reason,
    grantedBy: row.granted_by,
    proof: row.proof,
    grantedAt: row.granted_at,
    until: row.until,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
  }));
}
