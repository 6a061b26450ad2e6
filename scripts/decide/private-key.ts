import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Signer } from '../../contracts/dsse.ts';
import { readSecretFile } from '../../registry/identity/secret-file.ts';
import { signingKeyId } from '../../registry/identity/signing-keys.ts';
import { messageForPerson } from '../message-for-person.ts';

/** `$XDG_CONFIG_HOME/superstep`, or `~/.config/superstep`: a person's own key and token. */
export function configFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'superstep');
}

/**
 * Signs with the private key of a PEM file.
 *
 * @throws when there is none, others may read it, or it is no Ed25519 key without a passphrase
 */
export async function readPrivateKey(file: string): Promise<Signer> {
  const pem = await readSecretFile(file);
  if (pem === undefined) {
    throw messageForPerson(
      `there is no key ${file}. Make one, and have an administrator add its public half to your name:\n  npm run users -- key new\nor name another file with --key.`,
    );
  }
  const key = parseKey(file, pem);
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return {
    keyId: signingKeyId(Buffer.from(x, 'base64url').toString('hex')),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

function parseKey(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The message below says all that may be said: a parser's would quote the secret.
  }
  throw messageForPerson(
    `${file} holds no Ed25519 private key that can be read; expected PEM ("-----BEGIN PRIVATE KEY-----") without a passphrase`,
  );
}
