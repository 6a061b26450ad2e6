import type { DsseEnvelope, Read } from '../../contracts/dsse.ts';
import type { RegistryDatabase } from '../database.ts';
import type { ServerKey } from '../identity/server-key.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { selectChainEnd } from './rows.ts';
import type { AuditHead } from './verification.ts';

export const HEAD_PAYLOAD_TYPE = 'application/vnd.superstep.audit-head+json';

export interface HeadDeps {
  readonly db: RegistryDatabase;
  readonly environment: string;
  readonly key: ServerKey;
  readonly now: () => Date;
}

/** Signs where the chain stands now. One hash stands for every row up to it. */
export async function signHead({ db, environment, key, now }: HeadDeps): Promise<DsseEnvelope> {
  const { sequence, hash } = await db.read(selectChainEnd);
  const head: AuditHead = { environment, sequence, hash, time: now().toISOString() };
  return sealEnvelope(key, HEAD_PAYLOAD_TYPE, head);
}

/** The head in an envelope, if one of the keys signed it. */
export function readHead(envelope: unknown, publicKeys: readonly string[]): Read<AuditHead> {
  const opened = openEnvelope(envelope, HEAD_PAYLOAD_TYPE, publicKeys);
  if (!opened.ok) return opened;
  return isHead(opened.value) ? { ok: true, value: opened.value } : { ok: false, problem: 'its payload is no head' };
}

/** What an envelope says, unchecked: to tell whether a place has this head already. Undefined for what is no head. */
export function claimedHead(envelope: DsseEnvelope): AuditHead | undefined {
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
