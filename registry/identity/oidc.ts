import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload, type RemoteJWKSet } from 'jose';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { AccessPolicy } from '../../contracts/schemas/access.ts';
import { notAuthenticated } from './credentials.ts';

/** Section `access.oidc` of the policy. */
export type OidcSettings = NonNullable<AccessPolicy['oidc']>;

/** What a checked JWT says. */
export interface OidcIdentity {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Checks JWTs of one provider. */
export interface OidcVerifier {
  /** @throws NotAuthenticated for what is not a valid token for us; RegistryUnavailable while the provider cannot be asked */
  readonly verify: (jwt: string) => Promise<OidcIdentity>;
}

/** Signatures only. An HMAC would make the provider's public key a password; `none` is no signature at all. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_TOLERANCE_SECONDS = 30;
const PROVIDER_TIMEOUT_MS = 5_000;
const DISCOVERY_KEPT_MS = 3_600_000;

/**
 * Keys come from where the provider's discovery document says, are kept, and are fetched again when a token names one
 * that is not there: at most every 30 seconds (jose's rule), so that made-up key names cannot flood the provider.
 */
export function createOidcVerifier(settings: OidcSettings, { now }: { readonly now: () => Date }): OidcVerifier {
  let found: { readonly keys: Promise<RemoteJWKSet>; readonly at: number } | undefined;

  const keysOfProvider = (): Promise<RemoteJWKSet> => {
    const at = now().getTime();
    if (found === undefined || at - found.at > DISCOVERY_KEPT_MS) {
      const keys = discoverKeys(settings.issuer);
      const mine = { keys, at };
      found = mine;
      // A failure is not kept: the next token asks again. Until then they all wait for the same answer.
      keys.catch(() => {
        if (found === mine) found = undefined;
      });
    }
    return found.keys;
  };

  return {
    verify: async (jwt) => {
      requireIssuer(jwt, settings.issuer);
      try {
        const { payload } = await jwtVerify(jwt, await keysOfProvider(), {
          issuer: settings.issuer,
          audience: settings.audience,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          requiredClaims: ['exp', settings.name_claim],
          currentDate: now(),
        });
        return identityOf(payload, settings);
      } catch (error) {
        throw asIdentityError(error, settings.issuer);
      }
    },
  };
}

/** Asked before any key is: a token of somebody else's provider is no reason to go out. */
function requireIssuer(jwt: string, issuer: string): void {
  let found: unknown;
  try {
    found = decodeJwt(jwt).iss;
  } catch {
    throw notAuthenticated('its token is neither one of ours nor a readable JWT');
  }
  if (found !== issuer)
    throw notAuthenticated('its token comes from another issuer than the one that the policy names');
}

async function discoverKeys(issuer: string): Promise<RemoteJWKSet> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS) });
  if (!response.ok) throw new TypeError(`${address} answered ${response.status}`);
  const document = (await response.json()) as { readonly issuer?: unknown; readonly jwks_uri?: unknown } | null;
  if (document?.issuer !== issuer || typeof document.jwks_uri !== 'string') {
    throw new TypeError(
      `${address} is not the discovery document of ${issuer}: it lacks "jwks_uri" or says another issuer`,
    );
  }
  const keys = new URL(document.jwks_uri);
  // Keys over plain http only where the issuer itself is: on this machine.
  if (keys.protocol !== new URL(issuer).protocol) throw new TypeError(`${address} has its keys at ${keys.protocol}`);
  return createRemoteJWKSet(keys, { timeoutDuration: PROVIDER_TIMEOUT_MS });
}

function identityOf(payload: JWTPayload, { name_claim, groups_claim }: OidcSettings): OidcIdentity {
  const name = payload[name_claim];
  if (typeof name !== 'string' || name === '')
    throw notAuthenticated(`its token has no name in the claim "${name_claim}"`);
  const groups = payload[groups_claim];
  const listed: readonly unknown[] = Array.isArray(groups) ? groups : [groups];
  return { name, groups: listed.filter((group) => typeof group === 'string') };
}

/** What is wrong with a token in words; jose names the claim, never its value. */
function asIdentityError(error: unknown, issuer: string): unknown {
  if (error instanceof SuperstepError) return error;
  if (error instanceof errors.JWTExpired)
    return notAuthenticated('its token has expired; get a new one from the provider');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return notAuthenticated(`the claim "${error.claim}" of its token is not what this registry expects`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) {
    return notAuthenticated('its token is not signed with a key of the provider');
  }
  if (isOfToken(error)) return notAuthenticated('its token is a JWT of a kind that is not accepted');
  const found = error instanceof Error ? error.message : String(error);
  return new SuperstepError(
    'RegistryUnavailable',
    `the identity provider ${issuer} cannot be asked for its keys now: ${found}; tokens of the registry itself work meanwhile`,
    { issuer, found },
  );
}

function isOfToken(error: unknown): boolean {
  return [
    errors.JWSInvalid,
    errors.JWTInvalid,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
    errors.JWKSMultipleMatchingKeys,
  ].some((type) => error instanceof type);
}
