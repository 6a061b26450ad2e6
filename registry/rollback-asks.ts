import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import { toActivity, writeActivity } from './activity-log.ts';
import { rolesFor } from './approver-keys.ts';
import { fromStored, type StoredAuditRow } from './audit/rows.ts';
import type { RegistryDatabase } from './database.ts';
import type { Caller, CallerProof } from './identity/caller.ts';
import { identityStanding } from './identity/leaving.ts';
import { findProduction } from './model-versions.ts';
import { requireModel } from './models/read-models.ts';

/** How long an asking holds: a rollback is urgent, and what is in Production may be judged otherwise tomorrow. */
const HOLDS_MINUTES = 60;

export interface AskRollbackInput {
  readonly model: string;
  readonly reason: string;
  /** Roles that the policy lets roll the model back. */
  readonly allowed: readonly string[];
}

/** That somebody whom the registry's server has authenticated asked for a rollback, as the audit has it. */
export interface RollbackAsk {
  readonly id: string;
  /** Its row in the audit. */
  readonly sequence: number;
  readonly at: string;
  /** What was in Production then: nothing else is rolled back for it. */
  readonly version: number;
  readonly by: string;
  readonly proof: CallerProof;
  /** The roles that the caller had for the model. */
  readonly roles: readonly string[];
  readonly reason: string;
}

export function createRollbackAsks({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /**
     * Writes down that a caller asks for a rollback of what is in Production, and answers the asking's id. The rollback
     * itself is the workflow's.
     *
     * @throws NotAuthenticated for a caller who has not shown who it is; NotAuthorized for one without any of the roles
     * @throws UnknownModel, or UnknownResource when nothing of the model is in Production
     */
    askRollback: async (input: AskRollbackInput, caller: Caller): Promise<string> => {
      const roles = requireMayAsk(input, caller);
      return db.write(async (trx) => {
        const { model, reason } = input;
        await requireModel(trx, model);
        const { version } = (await findProduction(trx, model)) ?? throwNothingThere(model);
        const id = randomUUID().replaceAll('-', '');
        const { name: by, proof } = caller;
        const said = { by, proof, comment: reason, details: { id, roles } };
        await writeActivity(trx, { at: now().toISOString(), model, version, action: 'ASKED_ROLLBACK', ...said });
        return id;
      });
    },
  };
}

/** The caller's roles for the model; one of them is allowed. */
function requireMayAsk({ model, allowed }: AskRollbackInput, caller: Caller): readonly string[] {
  const { name, proof } = caller;
  const roles = caller.rolesFor(model);
  if (proof === 'anonymous' || proof === 'claimed') {
    throw new SuperstepError(
      'NotAuthenticated',
      `a rollback of ${model} is asked for by somebody who shows who it is, and the caller is ${proof === 'anonymous' ? 'without a name' : `"${name}" by its word alone`}; send a token (MLFLOW_TRACKING_TOKEN) or user and password`,
      { model, caller: name },
    );
  }
  if (roles.some((role) => allowed.includes(role))) return roles;
  throw new SuperstepError(
    'NotAuthorized',
    `"${name}" may not roll back ${model}: the policy lets the roles ${namesOf(allowed)} do it (rollback.by), and ${name} has ${namesOf(roles)}; ask one of them, or an administrator for the role: npm run users -- grant ${name} ${allowed[0] ?? 'ROLE'} --model ${model}`,
    { model, caller: name, roles, allowed },
  );
}

function throwNothingThere(model: string): never {
  throw new SuperstepError('UnknownResource', `nothing of ${model} is in Production: there is nothing to roll back`, {
    model,
  });
}

/** What a rollback says of the asking behind it. */
interface AskedFor {
  readonly model: string;
  readonly ask: string;
  readonly requestedBy: string;
  readonly allowed: readonly string[];
}

/** The asking of this id, for this model, by this caller. @throws NotAuthorized when there is none */
export async function requireAsk(trx: Knex, input: AskedFor): Promise<RollbackAsk> {
  const { model, ask: id, requestedBy } = input;
  const rows = await trx('activity_log')
    .where({ model, action: 'ASKED_ROLLBACK' })
    .orderBy('id')
    .select<StoredAuditRow[]>('*');
  const found = rows.map((row) => toActivity(fromStored(row))).find(({ details }) => details?.['id'] === id);
  if (found === undefined) throw refused(input, `nobody has asked for a rollback of ${model} under the id ${id}`);
  const { sequence, at, version, by, proof, comment: reason, details } = found;
  if (by !== requestedBy)
    throw refused(input, `${id} was asked for by ${by}, and the input says that it was "${requestedBy}"`);
  return { id, sequence, at, version, by, proof, roles: details?.['roles'] as readonly string[], reason };
}

/** An asking that is not too old, of somebody who is still there and may still do it. @throws NotAuthorized */
export async function requireStanding(trx: Knex, ask: RollbackAsk, input: AskedFor, now: string): Promise<void> {
  const { by, at } = ask;
  const minutes = (Date.parse(now) - Date.parse(at)) / 60_000;
  if (minutes > HOLDS_MINUTES)
    throw refused(input, `${by} asked on ${at}, which is longer than ${HOLDS_MINUTES} minutes ago`);
  const standing = await identityStanding(trx, by);
  if (standing.state === 'left')
    throw refused(input, `${by}, who asked, left on ${standing.since} (${standing.reason})`);
  if (standing.state === 'unknown') throw refused(input, `there is no user "${by}", who asked`);
  const roles = await rolesStillHeld(trx, ask, input.model);
  if (roles.some((role) => input.allowed.includes(role))) return;
  throw refused(
    input,
    `${by}, who asked, has the roles ${namesOf(roles)} for ${input.model} by now, and none of ${namesOf(input.allowed)}`,
  );
}

/** Granted roles as they are now. Of groups only the provider knows: those that it gave with the asking still hold. */
async function rolesStillHeld(trx: Knex, ask: RollbackAsk, model: string): Promise<readonly string[]> {
  const granted = await rolesFor(trx, ask.by, model);
  if (ask.proof !== 'oidc') return granted;
  const grantedSince = await rolesFor(trx, ask.by, model, ask.at);
  return [...granted, ...ask.roles.filter((role) => !grantedSince.includes(role))];
}

/** Whether a version of the model came into Production after the asking: what that was about is over then. */
export async function enteredProductionSince(trx: Knex, model: string, { sequence }: RollbackAsk): Promise<boolean> {
  const moves = trx('activity_log').where({ model, to_stage: 'Production' }).where('id', '>', sequence);
  const entered: unknown = await moves.whereIn('action', ['APPLIED_TRANSITION', 'ROLLED_BACK']).first('id');
  return entered !== undefined;
}

/** The refusal of a rollback whose asking is missing or does not hold, with the call that makes a new one. */
export function refused(
  { model, requestedBy, allowed }: Pick<AskedFor, 'model' | 'requestedBy' | 'allowed'>,
  found: string,
): SuperstepError {
  const url = `"$MLFLOW_TRACKING_URI/api/2.0/superstep/models/${encodeURIComponent(model)}/roll-back"`;
  const curl = `curl -X POST -H "Authorization: Bearer $MLFLOW_TRACKING_TOKEN" -H "Content-Type: application/json" -d '{"reason":"why"}' ${url}`;
  return new SuperstepError(
    'NotAuthorized',
    `${model} is not rolled back: ${found}. Expected an asking over REST, of at most ${HOLDS_MINUTES} minutes ago, by who holds one of the roles ${namesOf(allowed)}. Ask with npm run registry -- roll-back --model ${model} --reason "why" (and -n for another environment than prod), or with ${curl}`,
    { model, requestedBy, allowed },
  );
}

function namesOf(roles: readonly string[]): string {
  return roles.join(', ') || '(none)';
}
