import { basename, join } from 'node:path';
import type { Knex } from 'knex';
import { addPrincipal, type Actor, type IdentityDeps } from './principals.ts';
import { grantRole } from './role-grants.ts';
import { createSecretFile, readSecretFile, replaceSecretFile } from './secret-file.ts';
import { isTokenShaped, newToken } from './token-format.ts';
import { findToken, insertToken, LONGEST_TOKEN_DAYS, livingTokens, revokeToken, type TokenRecord } from './tokens.ts';

/** The service account of the local scripts. */
export const ADMIN_PRINCIPAL = 'admin';
const ADMIN_TOKEN_FILE = 'admin-token';
const LABEL = 'admin-token file';
const AT_FIRST_START: Actor = { name: 'registry', proof: 'claimed' };

export interface AdminTokenDeps extends IdentityDeps {
  /** The environment's folder, `<home>/<environment>`. */
  readonly folder: string;
}

export type AdminToken =
  /** Made just now: show `token` once; `file` keeps it for the local scripts. */
  | { readonly state: 'created'; readonly token: string; readonly file: string }
  /** The file holds a token that is good. */
  | { readonly state: 'present'; readonly file: string }
  /** There is no good token in the file, and one was made before: `problem` says what is wrong and how to replace it. */
  | { readonly state: 'lost'; readonly problem: string; readonly file: string };

/** Where an environment's admin token is kept. */
export function adminTokenFile(folder: string): string {
  return join(folder, ADMIN_TOKEN_FILE);
}

/**
 * Makes the account `admin`, its role and its token, once in the life of an environment. The file comes first: a start
 * that dies between the two is finished by the next one, and a token is never in the database alone.
 */
export async function ensureAdminToken({ db, now, folder }: AdminTokenDeps): Promise<AdminToken> {
  const file = adminTokenFile(folder);
  const was = await readSecretFile(file);
  if (was === undefined && (await db.read(wasMadeBefore))) {
    return { state: 'lost', problem: replacement(folder, `${file} is not there any more`), file };
  }
  if (was === undefined) await createSecretFile(file, `${newToken()}\n`);
  const token = ((await readSecretFile(file)) ?? '').trim();
  if (!isTokenShaped(token)) return { state: 'lost', problem: replacement(folder, `${file} holds no token`), file };
  return db.write(async (trx): Promise<AdminToken> => {
    const at = now();
    const known = await findToken(trx, token);
    if (known !== undefined) {
      const problem = problemOf(known, at.toISOString());
      return problem === null
        ? { state: 'present', file }
        : { state: 'lost', problem: replacement(folder, `the token in ${file} ${problem}`), file };
    }
    if (await wasMadeBefore(trx)) {
      return { state: 'lost', problem: replacement(folder, `the token in ${file} is not one of this database`), file };
    }
    await addAdmin(trx, token, AT_FIRST_START, at);
    return { state: 'created', token, file };
  });
}

/** Puts a new admin token into the file and revokes the one before: for whoever owns the machine. */
export async function replaceAdminToken({ db, now, folder, by }: AdminTokenDeps & { readonly by: Actor }) {
  const file = adminTokenFile(folder);
  const token = newToken();
  await db.write(async (trx) => {
    const at = now();
    for (const { id } of await livingTokens(trx, ADMIN_PRINCIPAL, LABEL)) {
      await revokeToken(trx, { id, reason: 'replaced', by }, at.toISOString());
    }
    await addAdmin(trx, token, by, at);
    // Inside the transaction: a file that cannot be written leaves the old token good.
    await replaceSecretFile(file, `${token}\n`);
  });
  return { token, file };
}

/** Also when it was revoked since: a start never gives back what an admin took away. */
async function wasMadeBefore(knex: Knex): Promise<boolean> {
  const made: unknown = await knex('tokens').where({ principal: ADMIN_PRINCIPAL, label: LABEL }).first('id');
  return made !== undefined;
}

async function addAdmin(trx: Knex, token: string, by: Actor, now: Date): Promise<void> {
  const at = now.toISOString();
  await addPrincipal(trx, { name: ADMIN_PRINCIPAL, kind: 'service', description: 'local scripts', by }, at);
  await grantRole(trx, { principal: ADMIN_PRINCIPAL, role: 'admin', by }, at);
  await insertToken(trx, token, { principal: ADMIN_PRINCIPAL, label: LABEL, days: LONGEST_TOKEN_DAYS, by }, now);
}

function problemOf({ revokedAt, expiresAt }: TokenRecord, at: string): string | null {
  if (revokedAt !== null) return `was revoked on ${revokedAt}`;
  return expiresAt <= at ? `expired on ${expiresAt}` : null;
}

function replacement(folder: string, problem: string): string {
  const command = `npm run users -- admin-token -e ${basename(folder)}`;
  return `${problem}; whoever owns this machine makes a new one: ${command}`;
}
