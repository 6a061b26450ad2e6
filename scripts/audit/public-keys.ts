import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageForPerson } from '../message-for-person.ts';
import { readPublicKey } from '../../registry/identity/signing-keys.ts';
import { readSecretFile } from '../../registry/identity/secret-file.ts';

/**
 * Keys that heads and packs may be signed with: the environment's own, from its key file (never from the database,
 * whose owner could have put any there), and those that the user gives, as 64 hex digits or as files in PEM.
 */
export async function trustedKeys(home: string | undefined, given: readonly string[]): Promise<string[]> {
  const own = home === undefined ? undefined : await ownPublicKey(home);
  const named = await Promise.all(given.map(readGivenKey));
  return [...(own === undefined ? [] : [own]), ...named];
}

async function ownPublicKey(home: string): Promise<string | undefined> {
  const text = await readSecretFile(join(home, 'server-key.json'));
  if (text === undefined) return undefined;
  const { publicKey } = JSON.parse(text) as { readonly publicKey: string };
  return readPublicKey(publicKey);
}

async function readGivenKey(keyOrFile: string): Promise<string> {
  if (/^[0-9a-f]{64}$/i.test(keyOrFile)) return readPublicKey(keyOrFile);
  const text = await readFile(keyOrFile, 'utf8').catch(() => {
    throw messageForPerson(
      `--key ${keyOrFile} is neither 64 hex digits (a public key, or its sha256) nor a file with a key in PEM. The 16 digits that npm run users -- list shows are the beginning of that sha256: whoever runs the environment has all of it, in what npm run audit -- export prints`,
    );
  });
  return readPublicKey(text);
}
