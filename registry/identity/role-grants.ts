import type { Knex } from 'knex';
import { approverRoles } from '../../contracts/approver-roles.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { BUILT_IN_ROLES, roleName } from '../../contracts/schemas/access.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import { writeActivity } from '../activity-log.ts';
import { requireActivePrincipal, requirePrincipal, type Actor, type IdentityDeps } from './principals.ts';
import { isBuiltInRole } from './rights.ts';

/** A role that somebody holds, or held. */
export interface RoleGrant {
  readonly principal: string;
  readonly role: string;
  /** Null: for every model. A role speaks of a model's name: a rename leaves it behind. */
  readonly model: string | null;
  readonly grantedAt: string;
  readonly grantedBy: string;
  readonly revokedAt: string | null;
  readonly revokedBy: string | null;
  readonly revokedReason: string | null;
}

export interface RoleOf {
  readonly principal: string;
  readonly role: string;
  readonly model?: string | null;
  readonly by: Actor;
}

interface GrantRow {
  readonly principal: string;
  readonly role: string;
  readonly model: string;
  readonly granted_at: string;
  readonly granted_by: string;
  readonly revoked_at: string | null;
  readonly revoked_by: string | null;
  readonly revoked_reason: string | null;
}

export interface RoleGrantDeps extends IdentityDeps {
  /** The environment's policy, as it stands now: it names the roles that are not built in. */
  readonly policy: () => Promise<Policy>;
}

export function createRoleGrants({ db, now, policy }: RoleGrantDeps) {
  return {
    /**
     * Gives a role, for every model or for one. Repeated it changes nothing.
     *
     * @throws InvalidInput for a role that neither is built in nor stands in the policy: a misspelt one would only read
     */
    grantRole: async ({ principal, role, model = null, by }: RoleOf): Promise<void> => {
      requireKnownRole(role, approverRoles(await policy()));
      return db.write((trx) => grantRole(trx, { principal, role, model, by }, now().toISOString()));
    },

    /** Takes a role away. Repeated it changes nothing. @throws UnknownResource when it never was granted */
    revokeRole: ({ principal, role, model = null, by }: RoleOf): Promise<void> =>
      db.write(async (trx) => {
        await requirePrincipal(trx, principal);
        const living = await livingGrant(trx, principal, role, model);
        if (living === undefined) return requireOnceGranted(trx, principal, role, model);
        const at = now().toISOString();
        await trx('role_grants').where({ sequence: living }).update({ revoked_at: at, revoked_by: by.name });
        await writeActivity(trx, {
          at,
          action: 'REVOKED_ROLE',
          by: by.name,
          proof: by.proof,
          ...toldOf(principal, role, model),
        });
      }),

    /** Every grant, oldest first, the revoked ones included. */
    roleGrants: (): Promise<RoleGrant[]> =>
      db.read(async (knex) => (await knex('role_grants').orderBy('sequence').select<GrantRow[]>('*')).map(fromRow)),
  };
}

/** {@link createRoleGrants}.grantRole inside a transaction, for a role that is known to be one. */
export async function grantRole(trx: Knex, { principal, role, model = null, by }: RoleOf, at: string): Promise<void> {
  await requireActivePrincipal(trx, principal);
  if ((await livingGrant(trx, principal, role, model)) !== undefined) return;
  const row = { principal, role, model: model ?? '', granted_at: at, granted_by: by.name };
  await trx('role_grants').insert(row);
  const told = toldOf(principal, role, model);
  await writeActivity(trx, { at, action: 'GRANTED_ROLE', by: by.name, proof: by.proof, ...told });
}

/** The roles that somebody holds now, or held at some time since an instant: for every model, and for one model each. */
export async function rolesHeld(
  knex: Knex,
  principal: string,
  since?: string,
): Promise<{ readonly roles: readonly string[]; readonly modelRoles: readonly { role: string; model: string }[] }> {
  const rows = await knex('role_grants')
    .where({ principal })
    .where((grant) => void livingSince(grant, since))
    .orderBy('sequence')
    .select<{ role: string; model: string }[]>('role', 'model');
  return {
    roles: rows.filter((row) => row.model === '').map((row) => row.role),
    modelRoles: rows.filter((row) => row.model !== ''),
  };
}

/** Restricts rows that can be revoked to those that live, or lived at some time since an instant. */
function livingSince(rows: Knex.QueryBuilder, since: string | undefined): Knex.QueryBuilder {
  const living = rows.whereNull('revoked_at');
  return since === undefined ? living : living.orWhere('revoked_at', '>=', since);
}

async function livingGrant(trx: Knex, principal: string, role: string, model: string | null) {
  const row = await trx('role_grants')
    .where({ principal, role, model: model ?? '' })
    .whereNull('revoked_at')
    .first<{ sequence: number } | undefined>('sequence');
  return row?.sequence;
}

async function requireOnceGranted(trx: Knex, principal: string, role: string, model: string | null): Promise<void> {
  const once: unknown = await trx('role_grants')
    .where({ principal, role, model: model ?? '' })
    .first('sequence');
  if (once !== undefined) return;
  const { roles, modelRoles } = await rolesHeld(trx, principal);
  const held = [...roles, ...modelRoles.map((g) => `${g.role} for ${g.model}`)];
  throw new SuperstepError(
    'UnknownResource',
    `"${principal}" was never granted ${named(role, model)}; it holds ${held.length === 0 ? 'no role' : held.join(', ')}`,
    { principal, role, model },
  );
}

function requireKnownRole(role: string, ofPolicy: readonly string[]): void {
  if (isBuiltInRole(role) || (roleName.safeParse(role).success && ofPolicy.includes(role))) return;
  const others = ofPolicy.filter((known) => !isBuiltInRole(known));
  const approvers = others.length === 0 ? '' : `, and in the policy ${others.join(', ')}`;
  throw new SuperstepError(
    'InvalidInput',
    `there is no role "${role.slice(0, 100)}"; built in are ${BUILT_IN_ROLES.join(', ')}${approvers}`,
    { role: role.slice(0, 100) },
  );
}

const named = (role: string, model: string | null): string => (model === null ? role : `${role} for ${model}`);

function toldOf(principal: string, role: string, model: string | null) {
  return { comment: `${named(role, model)}: ${principal}`, details: { principal, role, model } };
}

function fromRow(row: GrantRow): RoleGrant {
  return {
    principal: row.principal,
    role: row.role,
    model: row.model === '' ? null : row.model,
    grantedAt: row.granted_at,
    grantedBy: row.granted_by,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revokedReason: row.revoked_reason,
  };
}
