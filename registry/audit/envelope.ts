import {
  isSignedBy,
  payloadOf,
  preAuthEncoding,
  readEnvelope,
  type DsseEnvelope,
  type Read,
} from '../../contracts/dsse.ts';
import { canonicalJson, sha256Hex } from '../canonical-json.ts';
import type { ServerKey } from '../identity/server-key.ts';

/** Signs a value as canonical JSON with the environment's own key. */
export function sealEnvelope(
  key: Pick<ServerKey, 'keyId' | 'sign'>,
  payloadType: string,
  value: unknown,
): DsseEnvelope {
  const payload = Buffer.from(canonicalJson(value));
  const signature = Buffer.from(key.sign(preAuthEncoding(payloadType, payload)));
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: key.keyId, sig: signature.toString('base64') }],
  };
}

/** The value in an envelope that one of these public keys (raw, in hex) signed; anything else is told, never thrown. */
export function openEnvelope(envelope: unknown, payloadType: string, publicKeys: readonly string[]): Read<unknown> {
  const read = readEnvelope(envelope);
  if (!read.ok) return read;
  const { payloadType: found, signatures } = read.value;
  if (found !== payloadType) return { ok: false, problem: `it holds ${found}; expected ${payloadType}` };
  if (!publicKeys.some((key) => isSignedBy(read.value, key))) {
    const known = publicKeys.map((key) => fingerprintOf(key).slice(0, 16)).join(', ') || 'none';
    return { ok: false, problem: `no known key signed it: it names ${signatures[0].keyid}, known are ${known}` };
  }
  try {
    return { ok: true, value: JSON.parse(Buffer.from(payloadOf(read.value)).toString('utf8')) as unknown };
  } catch {
    return { ok: false, problem: 'its payload is no JSON' };
  }
}

/** Lower-case hex sha256 of a public key's 32 bytes: what people compare. Its first 16 digits are the key's id. */
export function fingerprintOf(publicKey: string): string {
  return sha256Hex(Buffer.from(publicKey, 'hex'));
}
