import type { Knex } from 'knex';
import type { ApproverNews } from '../contracts/approval.ts';
import type { DecisionKey } from '../contracts/approval-rules.ts';
import type { RegistryDatabase } from './database.ts';
import { identityStanding } from './identity/leaving.ts';
import { rolesHeld } from './identity/role-grants.ts';
import { REGISTRY_PRINCIPAL } from './identity/server-key.ts';
import { selectSigningKeys } from './identity/signing-keys.ts';

export function createApproverKeys({ db }: { readonly db: RegistryDatabase }) {
  return {
    /** {@link approverNews} outside of a transaction. */
    approverNews: (model: string, roles: readonly string[], approvers: readonly string[]): Promise<ApproverNews> =>
      db.read((knex) => approverNews(knex, model, roles, approvers)),
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

/** What has become of keys, and which of the approvers have left. A name that nobody has is a role, and leaves never. */
export async function approverNews(
  knex: Knex,
  model: string,
  roles: readonly string[],
  approvers: readonly string[],
): Promise<ApproverNews> {
  const left: string[] = [];
  for (const name of new Set(approvers)) {
    if ((await identityStanding(knex, name)).state === 'left') left.push(name);
  }
  return { keys: await decisionKeys(knex, model, roles), left };
}

/** Granted roles that somebody holds for a model, or held since an instant: for every model, or for this one. */
export async function rolesFor(knex: Knex, principal: string, model: string, since?: string): Promise<string[]> {
  const { roles, modelRoles } = await rolesHeld(knex, principal, since);
  return [...new Set([...roles, ...modelRoles.filter((grant) => grant.model === model).map(({ role }) => role)])];
}
