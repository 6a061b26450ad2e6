import type { AccessPolicy } from '../../contracts/schemas/access.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import type { Caller } from './caller.ts';
import { notAuthenticated, readCredentials, unknownCredentials, type RequestHeaders } from './credentials.ts';
import { createOidcVerifier, type OidcIdentity, type OidcSettings, type OidcVerifier } from './oidc.ts';
import { addPrincipal, findPrincipal, isPrincipalName, type IdentityDeps, type Principal } from './principals.ts';
import { createCaller, type CallerInput } from './rights.ts';
import { rolesHeld } from './role-grants.ts';
import { sameText } from './token-format.ts';
import { createTokens, findToken, type TokenRecord } from './tokens.ts';

export interface AuthenticationDeps extends IdentityDeps {
  /** The environment's policy, as it stands now. */
  readonly policy: () => Promise<Policy>;
}

export function createAuthentication(deps: AuthenticationDeps) {
  const { db, now, policy } = deps;
  const noteUse = inPassing(createTokens(deps).noteTokenUse);
  const verifierOf = keepVerifier(now);

  const callerOf = async (
    input: Pick<CallerInput, 'name' | 'proof'>,
    rules: AccessPolicy,
    ofGroups: readonly string[],
  ) => {
    const { roles, modelRoles } = await db.read((knex) => rolesHeld(knex, input.name));
    // Nobody may do less for saying who he is.
    const all = [...roles, ...ofGroups, ...anonymousRoles(rules)];
    return createCaller({ ...input, roles: all, modelRoles, breakGlass: rules.break_glass });
  };

  const byToken = async (token: string, user: string | null, rules: AccessPolicy): Promise<Caller> => {
    const record = await db.read((knex) => findToken(knex, token));
    // Only the holder of a token learns anything about it; Basic with another name gets the answer of a wrong token.
    if (record === undefined || !sameText(user ?? record.principal, record.principal)) throw unknownCredentials();
    requireLiving(record, now().toISOString());
    noteUse(record);
    return callerOf({ name: record.principal, proof: 'token' }, rules, []);
  };

  const byJwt = async (jwt: string, rules: AccessPolicy): Promise<Caller> => {
    // Without a provider the answer is that of any unknown token.
    if (rules.oidc === undefined) throw unknownCredentials();
    const identity = await verifierOf(rules.oidc).verify(jwt);
    await requireWelcome(deps, identity, rules.oidc.issuer);
    const ofGroups = identity.groups.flatMap((group) =>
      Object.hasOwn(rules.groups, group) ? (rules.groups[group] ?? []) : [],
    );
    return callerOf({ name: identity.name, proof: 'oidc' }, rules, ofGroups);
  };

  return {
    /**
     * Who sent a request, by its header `Authorization`: a token of ours (Bearer or Basic), a JWT of the provider, or
     * nobody where the policy lets callers without a name in.
     *
     * @throws NotAuthenticated, which tells only the holder of a token what is wrong with it; RegistryUnavailable
     */
    authenticate: async (headers: RequestHeaders): Promise<Caller> => {
      const credentials = readCredentials(headers);
      const { access: rules } = await policy();
      switch (credentials.kind) {
        case 'none':
          return anonymousCaller(rules);
        case 'token':
          return byToken(credentials.token, credentials.user, rules);
        case 'jwt':
          return byJwt(credentials.jwt, rules);
      }
    },
  };
}

function anonymousRoles({ anonymous }: AccessPolicy): string[] {
  return anonymous === 'none' ? [] : [anonymous];
}

function anonymousCaller(rules: AccessPolicy): Caller {
  const roles = anonymousRoles(rules);
  if (roles.length === 0) {
    throw notAuthenticated(
      'it has no credentials, and this environment lets nobody in without; send "Authorization: Bearer ss_…"',
    );
  }
  return createCaller({ name: 'anonymous', proof: 'anonymous', roles });
}

function requireLiving({ id, revokedAt, revokedReason, expiresAt }: TokenRecord, at: string): void {
  if (revokedAt !== null) {
    const why = revokedReason ? ` (${revokedReason})` : '';
    throw notAuthenticated(`its token ${id} was revoked on ${revokedAt}${why}; ask an admin for another one`);
  }
  if (expiresAt <= at) throw notAuthenticated(`its token ${id} expired on ${expiresAt}; ask an admin for another one`);
}

/**
 * The last use is a note for people: no request waits until it is written, which may be long while somebody holds the
 * database, and none fails because it could not be. One of a token is on its way at a time.
 */
function inPassing(note: (record: TokenRecord) => Promise<void>): (record: TokenRecord) => void {
  const onTheWay = new Set<string>();
  return (record) => {
    if (onTheWay.has(record.id)) return;
    onTheWay.add(record.id);
    void note(record)
      .catch(() => undefined)
      .finally(() => onTheWay.delete(record.id));
  };
}

/** Lets in who comes through the provider: a name of its own, not one of a local account, not one that left. */
async function requireWelcome({ db, now }: IdentityDeps, { name }: OidcIdentity, issuer: string): Promise<void> {
  if (!isPrincipalName(name, issuer)) {
    throw notAuthenticated(
      "its token names somebody whose name cannot be used here; expected one without white space and invisible characters, in Unicode's form NFKC, of at most 100 characters",
    );
  }
  const known = (await db.read((knex) => findPrincipal(knex, name))) ?? (await firstSeen({ db, now }, name, issuer));
  if (known.issuer !== issuer) {
    throw notAuthenticated(
      `its token names "${name}", which is a name of this registry's own; an admin can tell which to use`,
    );
  }
  if (known.leftAt !== null) throw notAuthenticated(`"${name}" left on ${known.leftAt} (${known.leftReason ?? ''})`);
}

/** Whoever comes for the first time is written down: keys and roles can be given to the name, and it can leave. */
function firstSeen({ db, now }: IdentityDeps, name: string, issuer: string): Promise<Principal> {
  return db.write(async (trx) => {
    const meanwhile = await findPrincipal(trx, name);
    if (meanwhile !== undefined) return meanwhile;
    const description = 'came through the provider';
    return addPrincipal(
      trx,
      { name, kind: 'user', issuer, description, by: { name, proof: 'oidc' } },
      now().toISOString(),
    );
  });
}

/** One verifier as long as the policy names the same provider: it keeps the keys. */
function keepVerifier(now: () => Date): (settings: OidcSettings) => OidcVerifier {
  let kept: { readonly key: string; readonly verifier: OidcVerifier } | undefined;
  return (settings) => {
    const key = JSON.stringify(settings);
    if (kept?.key !== key) kept = { key, verifier: createOidcVerifier(settings, { now }) };
    return kept.verifier;
  };
}
