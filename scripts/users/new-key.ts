import { generateKeyPairSync } from 'node:crypto';
import { createSecretFile } from '../../registry/identity/secret-file.ts';
import { readPublicKey, signingKeyId } from '../../registry/identity/signing-keys.ts';
import { messageForPerson } from '../message-for-person.ts';

export interface NewKey {
  /** PKCS #8 in PEM, mode 0600. */
  readonly file: string;
  readonly keyId: string;
  /** Raw, 64 hex digits: what an admin gets. */
  readonly publicKey: string;
}

/** Makes an Ed25519 key in a file of its own. @throws when the file is there: a key that is lost cannot be made again */
export async function makeKey(file: string): Promise<NewKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  if (!(await createSecretFile(file, pem))) {
    throw messageForPerson(`${file} is there already and is not overwritten; name another file with --out`);
  }
  const raw = readPublicKey(publicKey.export({ format: 'pem', type: 'spki' }).toString());
  return { file, keyId: signingKeyId(raw), publicKey: raw };
}
