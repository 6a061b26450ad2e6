import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { findPrincipal, insertPrincipal, type Actor, type IdentityDeps } from './principals.ts';
import { createSecretFile, readSecretFile } from './secret-file.ts';
import { findKey, insertKey, signingKeyId, type SigningKey } from './signing-keys.ts';

/** The principal whose key signs what the registry itself vouches for. */
export const REGISTRY_PRINCIPAL = 'registry';

/** An environment's own key. The private part never leaves this object and its file. */
export interface ServerKey {
  readonly keyId: string;
  /** Raw Ed25519 public key, 64 hex digits. */
  readonly publicKey: string;
  /** An Ed25519 signature of 64 bytes. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

const SERVER_KEY_FILE = 'server-key.json';
const BY_REGISTRY: Actor = { name: REGISTRY_PRINCIPAL, proof: 'claimed' };

/**
 * The environment's key out of `<folder>/server-key.json`, made on first use; any number of processes may be first. Its
 * public part is listed among the signing keys of `registry`. A file put in place of a lost one is a new key: what the
 * old one signed stays provable.
 *
 * @throws ChecksumMismatch for a damaged file; NotAuthorized for one that others may read, and for a revoked key
 */
export async function loadServerKey({
  db,
  now,
  folder,
}: IdentityDeps & { readonly folder: string }): Promise<ServerKey> {
  const file = join(folder, SERVER_KEY_FILE);
  if ((await readSecretFile(file)) === undefined) await createSecretFile(file, newKeyFile());
  const privateKey = readKeyFile(file, (await readSecretFile(file)) ?? '');
  const publicKey = publicKeyOf(privateKey);
  await db.write(async (trx) => {
    const at = now().toISOString();
    if ((await findPrincipal(trx, REGISTRY_PRINCIPAL)) === undefined) {
      const description = 'the registry of this environment';
      const row = { name: REGISTRY_PRINCIPAL, kind: 'system' as const, issuer: null, description };
      await insertPrincipal(trx, { ...row, by: REGISTRY_PRINCIPAL, at });
    }
    requireUnrevoked(file, await findKey(trx, signingKeyId(publicKey)));
    await insertKey(trx, { principal: REGISTRY_PRINCIPAL, publicKey, by: BY_REGISTRY, at });
  });
  return {
    keyId: signingKeyId(publicKey),
    publicKey,
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

function newKeyFile(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = publicKeyOf(privateKey);
  const content = {
    algorithm: 'Ed25519',
    keyId: signingKeyId(publicKey),
    publicKey,
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function readKeyFile(file: string, text: string): KeyObject {
  try {
    const content = JSON.parse(text) as { readonly privateKey: string; readonly publicKey: string };
    const key = createPrivateKey({ key: Buffer.from(content.privateKey, 'base64'), format: 'der', type: 'pkcs8' });
    if (key.asymmetricKeyType === 'ed25519' && publicKeyOf(key) === content.publicKey) return key;
  } catch {
    // The message below says all that may be said: a parser's would quote the secret.
  }
  throw new SuperstepError(
    'ChecksumMismatch',
    `${file} does not hold the Ed25519 key that it names; restore it from a backup, or move it away: the next start makes a new one`,
    { file },
  );
}

function requireUnrevoked(file: string, key: SigningKey | undefined): void {
  if (key === undefined || key.revokedAt === null) return;
  throw new SuperstepError(
    'NotAuthorized',
    `the key ${key.keyId} in ${file} was revoked on ${key.revokedAt} (${key.revokedReason ?? ''}); move the file away: the next start makes a new key`,
    { file, keyId: key.keyId },
  );
}

function publicKeyOf(key: KeyObject): string {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
}
