import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { createSecretFile, readSecretFile } from '../identity/secret-file.ts';

/** Seals secrets of subscribers with the environment's key, so that a copy of the database gives none away. */
export interface SecretBox {
  /** `purpose` says whose and which secret it is: what is sealed for one opens for no other. */
  readonly seal: (secret: string, purpose: string) => string;
  /** @throws ChecksumMismatch for a text that this key did not seal for this purpose */
  readonly open: (sealed: string, purpose: string) => string;
}

const KEY_FILE = 'webhook-key';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const CIPHER = 'aes-256-gcm';
const FORMAT = 'v1';

/**
 * The box of the key in `<folder>/webhook-key`, made on first use; any number of processes may be first.
 *
 * @throws ChecksumMismatch for a file that holds no key; NotAuthorized for one that others may read
 */
export async function loadSecretBox(folder: string): Promise<SecretBox> {
  const file = join(folder, KEY_FILE);
  if ((await readSecretFile(file)) === undefined)
    await createSecretFile(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
  const key = Buffer.from(((await readSecretFile(file)) ?? '').trim(), 'base64');
  if (key.byteLength === KEY_BYTES) return createSecretBox(key);
  throw new SuperstepError(
    'ChecksumMismatch',
    `${file} holds no key of ${KEY_BYTES} bytes in base64; restore it from a backup, or move it away: the next start makes a new one, and webhooks need their secrets again`,
    { file },
  );
}

/** The box of a key of 32 bytes. */
export function createSecretBox(key: Uint8Array): SecretBox {
  return {
    seal: (secret, purpose) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(purpose));
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return [FORMAT, ...[nonce, sealed, cipher.getAuthTag()].map((part) => part.toString('base64'))].join('.');
    },
    open: (text, purpose) => {
      const [format, ...parts] = text.split('.');
      const [nonce, sealed, tag] = parts.map((part) => Buffer.from(part, 'base64'));
      try {
        if (
          format !== FORMAT ||
          parts.length !== 3 ||
          nonce === undefined ||
          sealed === undefined ||
          tag?.byteLength !== 16
        )
          throw new Error();
        const decipher = createDecipheriv(CIPHER, key, nonce).setAAD(Buffer.from(purpose)).setAuthTag(tag);
        return Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
      } catch {
        throw new SuperstepError(
          'ChecksumMismatch',
          `the secret of ${purpose} was sealed with another key; restore the environment's ${KEY_FILE}, or give the webhook its secret again`,
          { purpose },
        );
      }
    },
  };
}
