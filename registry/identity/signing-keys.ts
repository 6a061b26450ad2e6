import { createPublicKey } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { writeActivity } from '../activity-log.ts';
import { sha256Hex } from '../canonical-json.ts';
import { requireActivePrincipal, type Actor, type IdentityDeps } from './principals.ts';

/** An Ed25519 key that a principal signs decisions with. */
export interface SigningKey {
  /** First 16 hex digits of the sha256 of the raw public key. */
  readonly keyId: string;
  readonly principal: string;
  /** Raw, 64 hex digits. */
  readonly publicKey: string;
  readonly addedAt: string;
  readonly addedBy: string;
  /** What was signed before stays provable; what comes after does not count. */
  readonly revokedAt: string | null;
  readonly revokedBy: string | null;
  readonly revokedReason: string | null;
}

interface KeyRow {
  readonly key_id: string;
  readonly principal: string;
  readonly public_key: string;
  readonly added_at: string;
  readonly added_by: string;
  readonly revoked_at: string | null;
  readonly revoked_by: string | null;
  readonly revoked_reason: string | null;
}

export function createSigningKeys({ db, now }: IdentityDeps) {
  return {
    /**
     * Lets a principal sign with the key, given as PEM or as 64 hex digits. Repeated it changes nothing.
     *
     * @throws InvalidInput for what is no Ed25519 public key; AlreadyExists for one that is another's, or was revoked
     */
    addKey: (input: {
      readonly principal: string;
      readonly publicKey: string;
      readonly by: Actor;
    }): Promise<SigningKey> => {
      const publicKey = readPublicKey(input.publicKey);
      return db.write(async (trx) => {
        await requireActivePrincipal(trx, input.principal);
        return insertKey(trx, { ...input, publicKey, at: now().toISOString() });
      });
    },

    /** Ends a key: nothing signed from now on counts. Repeated it changes nothing. @throws UnknownResource */
    revokeKey: ({
      keyId,
      reason,
      by,
    }: {
      readonly keyId: string;
      readonly reason: string;
      readonly by: Actor;
    }): Promise<SigningKey> =>
      db.write(async (trx) => {
        const key = await findKey(trx, keyId);
        if (key === undefined) throw new SuperstepError('UnknownResource', `there is no key ${keyId}`, { keyId });
        if (key.revokedAt !== null) return key;
        const at = now().toISOString();
        const revoked = { revoked_at: at, revoked_by: by.name, revoked_reason: reason };
        await trx('signing_keys').where({ key_id: keyId }).update(revoked);
        const details = { principal: key.principal, keyId };
        await writeActivity(trx, { at, action: 'REVOKED_KEY', by: by.name, proof: by.proof, comment: reason, details });
        return { ...key, revokedAt: at, revokedBy: by.name, revokedReason: reason };
      }),

    /** All keys, oldest first, the revoked ones included: an old signature needs them. */
    signingKeys: (): Promise<SigningKey[]> => db.read((knex) => selectSigningKeys(knex)),
  };
}

/** {@link createSigningKeys}.signingKeys inside a transaction. */
export async function selectSigningKeys(knex: Knex): Promise<SigningKey[]> {
  return (await knex('signing_keys').orderBy('sequence').select<KeyRow[]>('*')).map(fromRow);
}

/** Stores a key once; the rules on who may have one are the caller's. */
export async function insertKey(
  trx: Knex,
  { principal, publicKey, by, at }: { principal: string; publicKey: string; by: Actor; at: string },
): Promise<SigningKey> {
  const keyId = signingKeyId(publicKey);
  const known = await findKey(trx, keyId);
  if (known !== undefined) {
    if (known.principal === principal && known.revokedAt === null) return known;
    const found = known.revokedAt === null ? `is another principal's` : `was revoked on ${known.revokedAt}`;
    throw new SuperstepError('AlreadyExists', `the key ${keyId} ${found}; make a new one: npm run users -- key new`, {
      keyId,
    });
  }
  await trx('signing_keys').insert({
    key_id: keyId,
    principal,
    public_key: publicKey,
    added_at: at,
    added_by: by.name,
  });
  const details = { principal, keyId, publicKey };
  const comment = `${keyId}: ${principal}`;
  await writeActivity(trx, { at, action: 'ADDED_KEY', by: by.name, proof: by.proof, comment, details });
  const [key] = [await findKey(trx, keyId)];
  if (key === undefined) throw new Error(`the key ${keyId} was written and is not there`);
  return key;
}

/** The id of a raw public key in hex. */
export function signingKeyId(publicKey: string): string {
  return sha256Hex(Buffer.from(publicKey, 'hex')).slice(0, 16);
}

/**
 * A public key as 64 hex digits, from PEM or hex.
 *
 * @throws InvalidInput, also for the few keys of small order: for those anybody can make signatures
 */
export function readPublicKey(text: string): string {
  const raw = rawPublicKey(text.trim());
  if (raw !== undefined && isSoundKey(raw)) return raw.toString('hex');
  throw new SuperstepError(
    'InvalidInput',
    'expected an Ed25519 public key, as PEM ("-----BEGIN PUBLIC KEY-----") or 64 hex digits; "npm run users -- key new --out FILE" makes one',
  );
}

function rawPublicKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  // Never read a private key here, although its public half could be had from it: it has no business on a server.
  if (!text.startsWith('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    const key = createPublicKey(text);
    const { x } = key.asymmetricKeyType === 'ed25519' ? key.export({ format: 'jwk' }) : {};
    return x === undefined ? undefined : Buffer.from(x, 'base64url');
  } catch {
    return undefined;
  }
}

function isSoundKey(raw: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(raw).isSmallOrder();
  } catch {
    return false;
  }
}

/** A key by its id, revoked or not; undefined when there is none. */
export async function findKey(knex: Knex, keyId: string): Promise<SigningKey | undefined> {
  const row = await knex('signing_keys').where({ key_id: keyId }).first<KeyRow | undefined>('*');
  return row === undefined ? undefined : fromRow(row);
}

function fromRow(row: KeyRow): SigningKey {
  return {
    keyId: row.key_id,
    principal: row.principal,
    publicKey: row.public_key,
    addedAt: row.added_at,
    addedBy: row.added_by,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revokedReason: row.revoked_reason,
  };
}
