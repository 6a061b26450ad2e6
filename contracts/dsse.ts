import { ed25519 } from '@noble/curves/ed25519.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { base64 } from '@scure/base';

/**
 * The signing envelope of the in-toto and Sigstore family (DSSE, github.com/secure-systems-lab/dsse, protocol 1.0.2),
 * with one Ed25519 signature. Pure JavaScript, so that a signature is checked where a workflow runs.
 */

/** An envelope as it is kept: base64 in the standard alphabet, exactly one signature. */
export interface DsseEnvelope {
  readonly payloadType: string;
  /** Base64 of the signed bytes. */
  readonly payload: string;
  readonly signatures: readonly [DsseSignature];
}

export interface DsseSignature {
  readonly keyid: string;
  /** Base64 of 64 bytes. */
  readonly sig: string;
}

/** What was read, or what is wrong with it in words for who sent it. */
export type Read<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly problem: string };

/** Base64 digits of a payload: everything that crosses Temporal stays small. */
export const LONGEST_PAYLOAD = 32_768;
const SIGNATURE_BYTES = 64;
const LONGEST_TYPE = 200;
const KEY_ID = /^[\w.:-]{1,128}$/;

/** The bytes that a DSSE signature covers. Lengths count bytes, not characters. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const utf8 = new TextEncoder();
  const type = utf8.encode(payloadType);
  const head = utf8.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  const encoded = new Uint8Array(head.length + payload.length);
  encoded.set(head);
  encoded.set(payload, head.length);
  return encoded;
}

/** Reads an envelope of unknown shape; nothing that is sent can make it throw. Fields that DSSE does not know are left out. */
export function readEnvelope(value: unknown): Read<DsseEnvelope> {
  const { payloadType, payload, signatures } = fieldsOf(value);
  if (typeof payloadType !== 'string' || payloadType === '' || payloadType.length > LONGEST_TYPE)
    return problem('its envelope has no "payloadType"');
  const bytes = decodeBase64(payload, LONGEST_PAYLOAD);
  if (bytes === undefined) {
    return problem(`its envelope has no "payload": expected base64, padded, of at most ${LONGEST_PAYLOAD} characters`);
  }
  if (!Array.isArray(signatures) || signatures.length !== 1) {
    const found = Array.isArray(signatures) ? `${signatures.length} signatures` : 'none';
    return problem(`its envelope has ${found} in "signatures"; expected exactly one`);
  }
  const { keyid, sig } = fieldsOf((signatures as readonly unknown[])[0]);
  if (typeof keyid !== 'string' || !KEY_ID.test(keyid)) return problem('its signature names no key in "keyid"');
  const signature = decodeBase64(sig, 2 * SIGNATURE_BYTES);
  if (signature?.length !== SIGNATURE_BYTES)
    return problem(`its signature is none: expected base64 of ${SIGNATURE_BYTES} bytes in "sig"`);
  const signed = { keyid, sig: base64.encode(signature) };
  return { ok: true, value: { payloadType, payload: base64.encode(bytes), signatures: [signed] } };
}

/** The signed bytes of an envelope that {@link readEnvelope} or {@link signEnvelope} gave. */
export function payloadOf(envelope: DsseEnvelope): Uint8Array {
  return base64.decode(envelope.payload);
}

/** Whether the key with these 64 hex digits made the envelope's signature. Never throws. */
export function isSignedBy(envelope: DsseEnvelope, publicKey: string): boolean {
  try {
    const message = preAuthEncoding(envelope.payloadType, payloadOf(envelope));
    // Strictly by RFC 8032: one signature has one spelling, and keys of small order sign nothing.
    return ed25519.verify(base64.decode(envelope.signatures[0].sig), message, hexToBytes(publicKey), { zip215: false });
  } catch {
    return false;
  }
}

/** Whoever can sign; the secret key stays where it is. */
export interface Signer {
  readonly keyId: string;
  /** The Ed25519 signature of a message, 64 bytes. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export function signEnvelope(payloadType: string, payload: Uint8Array, { keyId, sign }: Signer): DsseEnvelope {
  const sig = base64.encode(sign(preAuthEncoding(payloadType, payload)));
  return { payloadType, payload: base64.encode(payload), signatures: [{ keyid: keyId, sig }] };
}

/** Bytes of base64 in either alphabet, as DSSE demands; undefined for a spelling that an encoder would not have chosen. */
function decodeBase64(text: unknown, longest: number): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length > longest) return undefined;
  const standard = /[+/]/.test(text) ? text : text.replaceAll('-', '+').replaceAll('_', '/');
  try {
    const bytes = base64.decode(standard);
    return base64.encode(bytes) === standard ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function problem(text: string): Read<never> {
  return { ok: false, problem: text };
}
