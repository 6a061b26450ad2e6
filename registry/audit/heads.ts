import type { RegistryDatabase } from '../database.ts';
import { openEnvelope, signEnvelope, type EnvironmentSigner, type SignedEnvelope } from './envelope.ts';
import { selectChainEnd } from './rows.ts';
import type { AuditHead } from './verification.ts';

export const HEAD_PAYLOAD_TYPE = 'application/vnd.superstep.audit-head+json';

export interface HeadDeps {
  readonly db: RegistryDatabase;
  readonly environment: string;
  readonly signer: EnvironmentSigner;
  readonly now: () => Date;
}

/** Signs where the chain stands now. One hash stands for every row up to it. */
export async function signHead({ db, environment, signer, now }: HeadDeps): Promise<SignedEnvelope> {
  const { sequence, hash } = await db.read(selectChainEnd);
  const head: AuditHead = { environment, sequence, hash, time: now().toISOString() };
  return signEnvelope(signer, HEAD_PAYLOAD_TYPE, head);
}

export type ReadHead =
  { readonly ok: true; readonly head: AuditHead } | { readonly ok: false; readonly problem: string };

/** The head in an envelope, if one of the keys signed it. */
export function readHead(envelope: unknown, publicKeys: readonly string[]): ReadHead {
  const opened = openEnvelope(envelope, HEAD_PAYLOAD_TYPE, publicKeys);
  if (!opened.ok) return opened;
  return isHead(opened.value) ? { ok: true, head: opened.value } : { ok: false, problem: 'its payload is no head' };
}

/** What an envelope says, unchecked: to tell whether a place has this head already. Undefined for what is no head. */
export function claimedHead(envelope: SignedEnvelope): AuditHead | undefined {
  try {
    const value = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8')) as unknown;
    return isHead(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHead(value: unknown): value is AuditHead {
  if (typeof value !== 'object' || value === null) return false;
  const { environment, sequence, hash, time } = value as Partial<Record<keyof AuditHead, unknown>>;
  return (
    typeof environment === 'string' &&
    Number.isSafeInteger(sequence) &&
    (sequence as number) >= 0 &&
    typeof hash === 'string' &&
    typeof time === 'string'
  );
}
