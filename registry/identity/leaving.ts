import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import { findPrincipal, requirePrincipal, type Actor, type IdentityDeps, type Principal } from './principals.ts';

/** Whether somebody's word counts. */
export type IdentityStanding =
  | { readonly state: 'active' }
  /** Decisions before `since` stay valid; those that wait do not count any more. */
  | { readonly state: 'left'; readonly since: string; readonly reason: string }
  /** Nobody of this name is known: a role that is claimed, or somebody who never came. */
  | { readonly state: 'unknown' };

export function createLeaving({ db, now }: IdentityDeps) {
  return {
    /** {@link identityStanding} outside of a transaction. */
    identityStanding: (name: string): Promise<IdentityStanding> => db.read((knex) => identityStanding(knex, name)),

    /**
     * Somebody leaves: tokens, roles and keys end in one transaction, and nothing can be given to the name again. What
     * was decided stays. Repeated it changes nothing, not even date and reason.
     *
     * @throws UnknownResource; InvalidInput without a reason; IllegalTransition for the registry itself
     */
    disable: (input: { readonly principal: string; readonly reason: string; readonly by: Actor }): Promise<Principal> =>
      db.write((trx) => disable(trx, input, now().toISOString())),
  };
}

/** Who somebody is now. */
export async function identityStanding(knex: Knex, name: string): Promise<IdentityStanding> {
  const principal = await findPrincipal(knex, name);
  if (principal === undefined) return { state: 'unknown' };
  const { leftAt, leftReason } = principal;
  return leftAt === null ? { state: 'active' } : { state: 'left', since: leftAt, reason: leftReason ?? '' };
}

async function disable(
  trx: Knex,
  { principal: name, reason, by }: { readonly principal: string; readonly reason: string; readonly by: Actor },
  at: string,
): Promise<Principal> {
  const principal = await requirePrincipal(trx, name);
  if (principal.leftAt !== null) return principal;
  if (principal.kind === 'system') {
    throw new SuperstepError('IllegalTransition', `"${name}" is the registry itself and cannot leave`, { name });
  }
  if (reason.trim() === '') {
    throw new SuperstepError('InvalidInput', `say why "${name}" leaves: the reason stands in the audit`, { name });
  }
  await trx('principals').where({ name }).update({ left_at: at, left_reason: reason, disabled_by: by.name });
  const ended = { revoked_at: at, revoked_by: by.name, revoked_reason: reason };
  const living = (table: string) => trx(table).where({ principal: name }).whereNull('revoked_at');
  const tokens = (await living('tokens').orderBy('sequence').pluck('id')) as string[];
  const keys = (await living('signing_keys').orderBy('sequence').pluck('key_id')) as string[];
  const roles = await living('role_grants')
    .orderBy('sequence')
    .select<{ role: string; model: string }[]>('role', 'model');
  for (const table of ['tokens', 'signing_keys', 'role_grants']) await living(table).update(ended);
  await writeActivity(trx, {
    at,
    action: 'DISABLED_USER',
    by: by.name,
    proof: by.proof,
    comment: `${name}: ${reason}`,
    details: {
      principal: name,
      reason,
      tokens,
      keys,
      roles: roles.map((g) => (g.model === '' ? g.role : `${g.role} for ${g.model}`)),
    },
  });
  return requirePrincipal(trx, name);
}
