import { createAuthentication, type AuthenticationDeps } from './authenticate.ts';
import { createLeaving } from './leaving.ts';
import { createPrincipals } from './principals.ts';
import { createRoleGrants, type RoleGrantDeps } from './role-grants.ts';
import { createSigningKeys } from './signing-keys.ts';
import { createTokens } from './tokens.ts';

export type IdentityStoreDeps = AuthenticationDeps & RoleGrantDeps;

/** Who may come into an environment, and as what. Each environment has its own; each method is one transaction. */
export function createIdentity(deps: IdentityStoreDeps) {
  const { noteTokenUse: _, ...tokens } = createTokens(deps);
  return {
    ...createPrincipals(deps),
    ...createRoleGrants(deps),
    ...tokens,
    ...createSigningKeys(deps),
    ...createLeaving(deps),
    ...createAuthentication(deps),
  };
}

export type Identity = ReturnType<typeof createIdentity>;
