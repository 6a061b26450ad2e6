import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import { accountsOf, type Account } from '../identity/accounts.ts';
import type { Identity } from '../identity/identity.ts';
import { rightsOf } from '../identity/rights.ts';
import type { SigningKey } from '../identity/signing-keys.ts';
import { DEFAULT_TOKEN_DAYS, type TokenRecord } from '../identity/tokens.ts';
import { invalidValue } from './fields.ts';
import type { RestCall, RestRoute } from './route.ts';

export interface UserRouteDeps {
  readonly identity: Identity;
  /** The environment's policy, as it stands now: it names the provider whose people may be named before they come. */
  readonly policy: () => Promise<Policy>;
  /** Called after a change of who may decide: decisions of who left lapse, new keys count. It never throws. */
  readonly onApproversChanged: () => Promise<void>;
}

/** Who there is and what they may, for admins; and, for anybody, who the server takes the caller for. */
export function createUserRoutes({ identity, policy, onApproversChanged }: UserRouteDeps): RestRoute[] {
  const user = async (name: string) => {
    const [found] = await accountsOf(identity, name);
    return { user: found === undefined ? null : userOf(found) };
  };
  return [
    { method: 'GET', path: '/superstep/whoami', needs: 'read', handle: async (call) => whoAmI(call) },
    administers('GET', '/users', async () => ({ users: (await accountsOf(identity)).map(userOf) })),
    administers('POST', '/users', async ({ fields, caller }) => {
      const name = fields.text('name');
      const kind = fields.oneOf('kind', ['user', 'service']) ?? 'user';
      const description = fields.optionalText('description') ?? '';
      const provider =
        (fields.optionalBoolean('oidc') ?? false) ? requireIssuer((await policy()).access.oidc?.issuer) : null;
      await identity.addPrincipal({ name, kind, description, issuer: provider, by: caller });
      return user(name);
    }),
    administers('POST', '/users/:name/disable', async ({ fields, caller }) => {
      const name = fields.text('name');
      await identity.disable({ principal: name, reason: fields.text('reason'), by: caller });
      await onApproversChanged();
      return user(name);
    }),
    administers('POST', '/users/:name/roles', async (call) => {
      await identity.grantRole(roleOf(call));
      await onApproversChanged();
      return user(call.fields.text('name'));
    }),
    administers('DELETE', '/users/:name/roles', async (call) => {
      await identity.revokeRole(roleOf(call));
      await onApproversChanged();
      return user(call.fields.text('name'));
    }),
    ...tokenRoutes(identity),
    ...keyRoutes(identity, onApproversChanged),
  ];
}

function tokenRoutes(identity: Identity): RestRoute[] {
  return [
    administers('POST', '/users/:name/tokens', async ({ fields, caller }) => {
      const days = fields.optionalInteger('days') ?? DEFAULT_TOKEN_DAYS;
      const asked = { principal: fields.text('name'), label: fields.text('label'), days, by: caller };
      const { token, ...record } = await identity.createToken(asked);
      return { token, token_info: tokenOf(record) };
    }),
    administers('DELETE', '/tokens/:id', async ({ fields, caller }) => {
      const ended = await identity.revokeToken({ id: fields.text('id'), reason: fields.text('reason'), by: caller });
      return { token_info: tokenOf(ended) };
    }),
  ];
}

function keyRoutes(identity: Identity, onApproversChanged: UserRouteDeps['onApproversChanged']): RestRoute[] {
  return [
    administers('POST', '/users/:name/keys', async ({ fields, caller }) => {
      const asked = { principal: fields.text('name'), publicKey: fields.text('public_key'), by: caller };
      const key = await identity.addKey(asked);
      await onApproversChanged();
      return { key: keyOf(key) };
    }),
    administers('DELETE', '/keys/:key_id', async ({ fields, caller }) => {
      const asked = { keyId: fields.text('key_id'), reason: fields.text('reason'), by: caller };
      const key = await identity.revokeKey(asked);
      await onApproversChanged();
      return { key: keyOf(key) };
    }),
  ];
}

function administers(method: RestRoute['method'], path: string, handle: RestRoute['handle']): RestRoute {
  return { method, path: `/superstep${path}`, needs: 'administer', handle };
}

function roleOf({ fields, caller }: RestCall) {
  const model = fields.optionalText('model');
  // An empty name of a model is not every model.
  if (model === '') throw invalidValue('model', model, 'the name of a model, or no such field for every model');
  return { principal: fields.text('name'), role: fields.text('role'), model: model ?? null, by: caller };
}

function requireIssuer(issuer: string | undefined): string {
  if (issuer !== undefined) return issuer;
  throw new SuperstepError('InvalidInput', 'the policy names no provider (access.oidc), so that nobody comes from one');
}

/** Who the server takes the caller for; with `model`, as of that model. */
function whoAmI({ fields, caller }: RestCall) {
  const model = fields.optionalText('model');
  const roles = model === undefined ? caller.roles : caller.rolesFor(model);
  return { name: caller.name, proof: caller.proof, roles, rights: rightsOf(caller, model) };
}

function userOf(account: Account) {
  return {
    name: account.name,
    kind: account.kind,
    issuer: account.issuer,
    description: account.description,
    created_at: account.createdAt,
    created_by: account.createdBy,
    left_at: account.leftAt,
    left_reason: account.leftReason,
    disabled_by: account.disabledBy,
    roles: account.roles.map((grant) => ({
      role: grant.role,
      model: grant.model,
      granted_at: grant.grantedAt,
      granted_by: grant.grantedBy,
      ...endOf(grant),
    })),
    tokens: account.tokens.map(tokenOf),
    keys: account.keys.map(keyOf),
  };
}

function tokenOf(token: TokenRecord) {
  return {
    id: token.id,
    label: token.label,
    created_at: token.createdAt,
    created_by: token.createdBy,
    expires_at: token.expiresAt,
    last_used_at: token.lastUsedAt,
    ...endOf(token),
  };
}

function keyOf(key: SigningKey) {
  return {
    key_id: key.keyId,
    public_key: key.publicKey,
    added_at: key.addedAt,
    added_by: key.addedBy,
    ...endOf(key),
  };
}

function endOf(thing: Pick<TokenRecord, 'revokedAt' | 'revokedBy' | 'revokedReason'>) {
  return { revoked_at: thing.revokedAt, revoked_by: thing.revokedBy, revoked_reason: thing.revokedReason };
}
