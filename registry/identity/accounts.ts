import type { Principal } from './principals.ts';
import type { RoleGrant } from './role-grants.ts';
import type { SigningKey } from './signing-keys.ts';
import type { TokenRecord } from './tokens.ts';

/** Somebody with all that belongs to the name, ended things included, oldest first. */
export interface Account extends Principal {
  readonly roles: readonly RoleGrant[];
  readonly tokens: readonly TokenRecord[];
  readonly keys: readonly SigningKey[];
}

/** The lists that accounts are put together from. */
export interface AccountLists {
  readonly principals: () => Promise<readonly Principal[]>;
  readonly roleGrants: () => Promise<readonly RoleGrant[]>;
  readonly tokens: () => Promise<readonly TokenRecord[]>;
  readonly signingKeys: () => Promise<readonly SigningKey[]>;
}

/** Everybody, by name, or those of one name. */
export async function accountsOf(lists: AccountLists, name?: string): Promise<Account[]> {
  const principals = await lists.principals();
  const [roles, tokens, keys] = [await lists.roleGrants(), await lists.tokens(), await lists.signingKeys()];
  return principals
    .filter((principal) => name === undefined || principal.name === name)
    .map((principal) => ({
      ...principal,
      roles: roles.filter((grant) => grant.principal === principal.name),
      tokens: tokens.filter((token) => token.principal === principal.name),
      keys: keys.filter((key) => key.principal === principal.name),
    }));
}
