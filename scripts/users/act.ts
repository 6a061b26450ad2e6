import { readFile } from 'node:fs/promises';
import type { Policy } from '../../contracts/schemas/policy.ts';
import type { RegistryDatabase } from '../../registry/database.ts';
import { accountsOf } from '../../registry/identity/accounts.ts';
import { replaceAdminToken } from '../../registry/identity/admin-token.ts';
import type { Identity } from '../../registry/identity/identity.ts';
import type { Actor } from '../../registry/identity/principals.ts';
import { messageForPerson } from '../message-for-person.ts';
import { accountTable } from './account-table.ts';
import type { UsersAct } from './arguments.ts';

export interface UsersDeps {
  readonly identity: Identity;
  readonly db: RegistryDatabase;
  readonly now: () => Date;
  readonly policy: () => Promise<Policy>;
  /** The environment's folder. */
  readonly folder: string;
  /** Whoever sits at this machine. */
  readonly by: Actor;
}

/** What to show: lines for people, and the same for programs. */
export interface Shown {
  readonly lines: readonly string[];
  readonly json: unknown;
}

/** Does what was asked for in one environment. */
export async function actOnUsers(what: Exclude<UsersAct, { act: 'new-key' }>, deps: UsersDeps): Promise<Shown> {
  const { identity, by } = deps;
  switch (what.act) {
    case 'add':
      return add(what, deps);
    case 'list':
      return list(what.name, deps);
    case 'grant':
      await identity.grantRole({ principal: what.name, role: what.role, model: what.model, by });
      return list(what.name, deps);
    case 'revoke':
      await identity.revokeRole({ principal: what.name, role: what.role, model: what.model, by });
      return list(what.name, deps);
    case 'disable': {
      const left = await identity.disable({ principal: what.name, reason: what.reason, by });
      return {
        lines: [`${left.name} left on ${left.leftAt} (${left.leftReason}): no tokens, roles or keys`],
        json: left,
      };
    }
    case 'new-token': {
      const made = await identity.createToken({ principal: what.name, label: what.label, days: what.days, by });
      return {
        lines: [...onceShown(`token ${made.id} of ${made.principal}, until ${made.expiresAt}`), made.token],
        json: made,
      };
    }
    case 'revoke-token': {
      const ended = await identity.revokeToken({ id: what.id, reason: what.reason, by });
      return { lines: [`token ${ended.id} of ${ended.principal} ended on ${ended.revokedAt}`], json: ended };
    }
    case 'add-key': {
      const key = await identity.addKey({ principal: what.name, publicKey: await keyText(what.key), by });
      return { lines: [`${key.principal} may sign with key ${key.keyId}`], json: key };
    }
    case 'revoke-key': {
      const ended = await identity.revokeKey({ keyId: what.id, reason: what.reason, by });
      return { lines: [`key ${ended.keyId} of ${ended.principal} ended on ${ended.revokedAt}`], json: ended };
    }
    case 'admin-token': {
      const made = await replaceAdminToken(deps);
      return { lines: [...onceShown(`admin token, kept in ${made.file}`), made.token], json: made };
    }
  }
}

async function add(
  { name, kind, oidc, description }: Extract<UsersAct, { act: 'add' }>,
  deps: UsersDeps,
): Promise<Shown> {
  const issuer = oidc ? (await deps.policy()).access.oidc?.issuer : null;
  if (issuer === undefined) {
    throw messageForPerson('the policy names no provider (access.oidc.issuer), so that nobody comes through one');
  }
  await deps.identity.addPrincipal({ name, kind, issuer, description, by: deps.by });
  return list(name, deps);
}

async function list(name: string | undefined, { identity, now }: UsersDeps): Promise<Shown> {
  const accounts = await accountsOf(identity, name);
  if (name !== undefined && accounts.length === 0) throw messageForPerson(`there is no user "${name}"`);
  return { lines: accountTable(accounts, now().toISOString()), json: accounts };
}

function onceShown(what: string): string[] {
  return [`${what}; shown this once:`];
}

async function keyText(key: string): Promise<string> {
  if (/^[0-9a-f]{64}$/i.test(key)) return key;
  try {
    return await readFile(key, 'utf8');
  } catch {
    throw messageForPerson(`"${key}" is neither a public key of 64 hex digits nor a file that can be read`);
  }
}
