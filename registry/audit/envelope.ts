import { createPublicKey, verify } from 'node:crypto';
import { canonicalJson, sha256Hex } from '../canonical-json.ts';

/** A signed statement in DSSE's shape: whoever has the public key can check it offline. */
export interface SignedEnvelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** The key that an environment signs with. */
export interface EnvironmentSigner {
  readonly keyId: string;
  /** Ed25519, raw, 64 hex digits. */
  readonly publicKey: string;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** Signs a value as canonical JSON. */
export function signEnvelope(signer: EnvironmentSigner, payloadType: string, value: unknown): SignedEnvelope {
  const payload = Buffer.from(canonicalJson(value));
  const signature = signer.sign(toBeSigned(payloadType, payload));
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: signer.keyId, sig: Buffer.from(signature).toString('base64') }],
  };
}

export type OpenedEnvelope =
  | { readonly ok: true; readonly value: unknown; readonly keyId: string }
  | { readonly ok: false; readonly problem: string };

/** Reads an envelope that one of these public keys (raw, in hex) signed; anything else is told, never thrown. */
export function openEnvelope(envelope: unknown, payloadType: string, publicKeys: readonly string[]): OpenedEnvelope {
  if (!isEnvelope(envelope)) return { ok: false, problem: 'it is no DSSE envelope' };
  if (envelope.payloadType !== payloadType) {
    return { ok: false, problem: `it holds ${envelope.payloadType}; expected ${payloadType}` };
  }
  const payload = Buffer.from(envelope.payload, 'base64');
  const message = toBeSigned(payloadType, payload);
  const key = publicKeys.find((hex) => envelope.signatures.some(({ sig }) => isSignedBy(hex, message, sig)));
  if (key === undefined) {
    const signers = envelope.signatures.map(({ keyid }) => keyid).join(', ') || 'nobody';
    const known = publicKeys.map(keyIdOf).join(', ') || 'none';
    return { ok: false, problem: `it is not signed by a known key: found ${signers}, known ${known}` };
  }
  try {
    return { ok: true, value: JSON.parse(payload.toString('utf8')) as unknown, keyId: keyIdOf(key) };
  } catch {
    return { ok: false, problem: 'its payload is no JSON' };
  }
}

/** Names a public key: the first 16 hex digits of the sha256 of its 32 bytes. */
export function keyIdOf(publicKey: string): string {
  return fingerprintOf(publicKey).slice(0, 16);
}

/** Lower-case hex sha256 of the key's 32 bytes: what people compare. */
export function fingerprintOf(publicKey: string): string {
  return sha256Hex(Buffer.from(publicKey, 'hex'));
}

/** DSSE's pre-authentication encoding: type and content, each with its length, so that neither can pass for the other. */
function toBeSigned(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `), payload]);
}

function isSignedBy(publicKey: string, message: Uint8Array, signature: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(publicKey)) return false;
  const x = Buffer.from(publicKey, 'hex').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const bytes = Buffer.from(signature, 'base64');
  return bytes.length === 64 && verify(null, message, key, bytes);
}

function isEnvelope(value: unknown): value is SignedEnvelope {
  if (typeof value !== 'object' || value === null) return false;
  const { payloadType, payload, signatures } = value as Partial<Record<keyof SignedEnvelope, unknown>>;
  return (
    typeof payloadType === 'string' &&
    typeof payload === 'string' &&
    Array.isArray(signatures) &&
    signatures.every((s: unknown) => {
      if (typeof s !== 'object' || s === null) return false;
      const { keyid, sig } = s as { readonly keyid?: unknown; readonly sig?: unknown };
      return typeof keyid === 'string' && typeof sig === 'string';
    })
  );
}
