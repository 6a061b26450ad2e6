import type { Knex } from 'knex';
import type { ApproverNews } from '../contracts/approval.ts';
import type { DecisionKey } from '../contracts/approval-rules.ts';
import type { RegistryDatabase } from './database.ts';
import { findPrincipal } from './identity/principals.ts';
import { rolesHeld } from './identity/role-grants.ts';
import { REGISTRY_PRINCIPAL } from './identity/server-key.ts';
import { selectSigningKeys } from './identity/signing-keys.ts';

export function createApproverKeys({ db }: { readonly db: RegistryDatabase }) {
  return {
    /** {@link approverNews} outside of a transaction. */
    approverNews: (model: string, roles: readonly string[], approvers: readonly string[]): Promise<ApproverNews> =>
      db.read((knex) => approverNews(knex, model, roles, approvers)),

    /** Since when somebody who decided may do nothing any more, what was decided stays; null for who is there, and for a role. */
    approverLeftAt: (name: string): Promise<string | null> =>
      db.read(async (knex) => (await findPrincipal(knex, name))?.leftAt ?? null),
  };
}

/**
 * Public keys that decisions on a model may be signed with now: the registry's own, and those of people who hold one of
 * the roles. None that was revoked, none of somebody who left; with `since`, none that was or had before that instant.
 */
export async function decisionKeys(
  knex: Knex,
  model: string,
  roles: readonly string[],
  since?: string,
): Promise<DecisionKey[]> {
  const living = (await selectSigningKeys(knex)).filter(
    ({ revokedAt }) => revokedAt === null || (since !== undefined && revokedAt >= since),
  );
  const keys: DecisionKey[] = [];
  for (const { keyId, principal: owner, publicKey } of living) {
    if (owner === REGISTRY_PRINCIPAL) {
      keys.push({ keyId, owner, roles: [], publicKey, kind: 'server' });
      continue;
    }
    const held = await rolesFor(knex, owner, model, since);
    if (held.some((role) => roles.includes(role))) keys.push({ keyId, owner, roles: held, publicKey, kind: 'person' });
  }
  return keys;
}

/** What has become of keys, and which of the approvers have no say any more: those who left, or hold none of the roles. */
export async function approverNews(
  knex: Knex,
  model: string,
  roles: readonly string[],
  approvers: readonly string[],
): Promise<ApproverNews> {
  const left: string[] = [];
  for (const name of new Set(approvers)) {
    if (await hasNoSay(knex, name, model, roles)) left.push(name);
  }
  return { keys: await decisionKeys(knex, model, roles), left };
}

/**
 * A name that nobody has is a role that was claimed, and leaves never. The roles of somebody who comes through a provider
 * may be a group's, of which only the next token tells.
 */
async function hasNoSay(knex: Knex, name: string, model: string, roles: readonly string[]): Promise<boolean> {
  const principal = await findPrincipal(knex, name);
  if (principal === undefined) return false;
  if (principal.leftAt !== null) return true;
  if (principal.issuer !== null || roles.includes(name)) return false;
  return !(await rolesFor(knex, name, model)).some((role) => roles.includes(role));
}

/** Granted roles that somebody holds for a model, or held since an instant: for every model, or for this one. */
export async function rolesFor(knex: Knex, principal: string, model: string, since?: string): Promise<string[]> {
  const { roles, modelRoles } = await rolesHeld(knex, principal, since);
  return [...new Set([...roles, ...modelRoles.filter((grant) => grant.model === model).map(({ role }) => role)])];
}
