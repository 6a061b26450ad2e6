import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import { requireActivePrincipal, type Actor, type IdentityDeps } from './principals.ts';
import { newToken, tokenHash, tokenId } from './token-format.ts';

/** What is known of a token; the token itself is not. */
export interface TokenRecord {
  readonly id: string;
  readonly principal: string;
  /** What it is for: a laptop, a job. */
  readonly label: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
  /** To the minute; null when never. */
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
  readonly revokedBy: string | null;
  readonly revokedReason: string | null;
}

export interface CreateTokenInput {
  readonly principal: string;
  readonly label: string;
  /** Whole days until it expires, 1 to {@link LONGEST_TOKEN_DAYS}. */
  readonly days: number;
  readonly by: Actor;
}

interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly principal: string;
  readonly label: string;
  readonly created_at: string;
  readonly created_by: string;
  readonly expires_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
  readonly revoked_by: string | null;
  readonly revoked_reason: string | null;
}

export const DEFAULT_TOKEN_DAYS = 90;
export const LONGEST_TOKEN_DAYS = 366;
const LONGEST_LABEL = 100;
const DAY_MS = 86_400_000;
const USE_NOTED_EVERY_MS = 60_000;

export function createTokens({ db, now }: IdentityDeps) {
  return {
    /**
     * Makes a token. The answer is the only place where it ever stands: whoever loses it revokes it and asks again.
     *
     * @throws AlreadyExists when the principal has a living token of this label
     */
    createToken: async (input: CreateTokenInput): Promise<TokenRecord & { readonly token: string }> => {
      const token = newToken();
      const record = await db.write((trx) => insertToken(trx, token, input, now()));
      return { ...record, token };
    },

    /** Ends a token at once. Repeated it changes nothing. @throws UnknownResource */
    revokeToken: (input: { readonly id: string; readonly reason: string; readonly by: Actor }): Promise<TokenRecord> =>
      db.write((trx) => revokeToken(trx, input, now().toISOString())),

    /** Every token's record, oldest first. */
    tokens: (): Promise<TokenRecord[]> =>
      db.read(async (knex) => (await knex('tokens').orderBy('sequence').select<TokenRow[]>('*')).map(fromRow)),

    /** Notes that a token was used, at most once a minute. */
    noteTokenUse: async ({ id, lastUsedAt }: TokenRecord): Promise<void> => {
      const at = now();
      const before = new Date(at.getTime() - USE_NOTED_EVERY_MS).toISOString();
      if (lastUsedAt !== null && lastUsedAt > before) return;
      await db.write(
        async (trx) => {
          await trx('tokens')
            .where({ id })
            .whereRaw('(last_used_at is null or last_used_at <= ?)', [before])
            .update({ last_used_at: at.toISOString() });
        },
        { scope: `token/${id}` },
      );
    },
  };
}

/** Stores a token that exists already. @throws AlreadyExists, InvalidInput, UnknownResource, IllegalTransition */
export async function insertToken(
  trx: Knex,
  token: string,
  { principal, label, days, by }: CreateTokenInput,
  now: Date,
): Promise<TokenRecord> {
  requireSensible(label, days);
  await requireActivePrincipal(trx, principal);
  const [same] = await livingTokens(trx, principal, label);
  // An expired token frees its label.
  if (same !== undefined && same.expiresAt > now.toISOString()) {
    throw new SuperstepError(
      'AlreadyExists',
      `"${principal}" has a token "${label}" already (${same.id}, until ${same.expiresAt}); revoke that one first, or choose another label`,
      { principal, label, id: same.id },
    );
  }
  const [at, id] = [now.toISOString(), tokenId(token)];
  if (same !== undefined) {
    await revokeToken(trx, { id: same.id, reason: 'expired', by: { name: 'registry', proof: 'claimed' } }, at);
  }
  const expiresAt = new Date(now.getTime() + days * DAY_MS).toISOString();
  await trx('tokens').insert({
    id,
    hash: tokenHash(token),
    principal,
    label,
    created_at: at,
    created_by: by.name,
    expires_at: expiresAt,
  });
  await writeActivity(trx, {
    at,
    action: 'CREATED_TOKEN',
    by: by.name,
    proof: by.proof,
    comment: `${label}: ${principal}, until ${expiresAt}`,
    details: { principal, tokenId: id, label, expiresAt },
  });
  return requireToken(trx, id);
}

/** @throws UnknownResource */
export async function revokeToken(
  trx: Knex,
  { id, reason, by }: { readonly id: string; readonly reason: string; readonly by: Actor },
  at: string,
): Promise<TokenRecord> {
  const token = await requireToken(trx, id);
  if (token.revokedAt !== null) return token;
  await trx('tokens').where({ id }).update({ revoked_at: at, revoked_by: by.name, revoked_reason: reason });
  await writeActivity(trx, {
    at,
    action: 'REVOKED_TOKEN',
    by: by.name,
    proof: by.proof,
    comment: reason,
    details: { principal: token.principal, tokenId: id, label: token.label },
  });
  return requireToken(trx, id);
}

/**
 * The record of a token by the token itself, whether or not it still holds. Looking it up by its hash tells by time at
 * most how long a prefix two hashes share, and nobody can aim at a prefix of a hash of 256 bits that he does not know.
 */
export async function findToken(knex: Knex, token: string): Promise<TokenRecord | undefined> {
  const row = await knex('tokens')
    .where({ hash: tokenHash(token) })
    .first<TokenRow | undefined>('*');
  return row === undefined ? undefined : fromRow(row);
}

/** Tokens of a principal that are not revoked; they may have expired. */
export async function livingTokens(knex: Knex, principal: string, label?: string): Promise<TokenRecord[]> {
  const rows = await knex('tokens')
    .where({ principal, ...(label === undefined ? {} : { label }) })
    .whereNull('revoked_at')
    .orderBy('sequence')
    .select<TokenRow[]>('*');
  return rows.map(fromRow);
}

async function requireToken(knex: Knex, id: string): Promise<TokenRecord> {
  const row = await knex('tokens').where({ id }).first<TokenRow | undefined>('*');
  if (row !== undefined) return fromRow(row);
  throw new SuperstepError('UnknownResource', `there is no token ${id}; "npm run users -- list" shows their ids`, {
    id,
  });
}

function requireSensible(label: string, days: number): void {
  const faults = [
    ...(label.trim() === '' || label.length > LONGEST_LABEL ? [`a label of 1 to ${LONGEST_LABEL} characters`] : []),
    ...(Number.isInteger(days) && days >= 1 && days <= LONGEST_TOKEN_DAYS
      ? []
      : [`whole days from 1 to ${LONGEST_TOKEN_DAYS}: a token that never ends is never looked after`]),
  ];
  if (faults.length === 0) return;
  const found = `label "${label.slice(0, LONGEST_LABEL)}", ${days} days`;
  throw new SuperstepError('InvalidInput', `a token needs ${faults.join(' and ')}; found ${found}`, { days });
}

function fromRow(row: TokenRow): TokenRecord {
  return {
    id: row.id,
    principal: row.principal,
    label: row.label,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revokedReason: row.revoked_reason,
  };
}
