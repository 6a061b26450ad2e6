import { canonicalJson, sha256Hex } from '../canonical-json.ts';

/** A row of the audit as its hash covers it: every column but the hash itself. */
export interface AuditContent {
  /** Counts up by one from 1, without gaps. */
  readonly sequence: number;
  /** ISO instant. */
  readonly at: string;
  /** Empty, with version 0, for acts that concern no model. */
  readonly model: string;
  readonly version: number;
  readonly action: string;
  readonly fromStage: string | null;
  readonly toStage: string | null;
  readonly by: string;
  /** How the actor showed who it is; `claimed` is no proof. */
  readonly proof: string;
  readonly comment: string;
  readonly evidenceDigest: string | null;
  readonly workflowId: string | null;
  readonly workflowRunId: string | null;
  /** JSON as text, letter by letter as it is stored. */
  readonly details: string | null;
  /** Hash of the row before; {@link GENESIS_HASH} in the first. */
  readonly previousHash: string;
}

export interface AuditRow extends AuditContent {
  /** See {@link chainHash}. */
  readonly hash: string;
}

/** What the first row names as the hash before it. */
export const GENESIS_HASH = '0'.repeat(64);

/** Closes a row into the chain: whoever changes, drops or moves one changes the hash of every later one. */
export function sealRow(content: AuditContent): AuditRow {
  return { ...content, hash: chainHash(content.previousHash, contentDigest(content)) };
}

/** Lower-case hex sha256 of the canonical JSON of a row's fields, but for its two hashes. */
export function contentDigest({ previousHash: _, ...fields }: AuditContent): string {
  return sha256Hex(canonicalJson(fields));
}

/**
 * The hash of a row: sha256 of the hash before it and of its content's digest, as 128 hex digits. So a chain can be
 * followed over rows that are not shown: their digests will do.
 */
export function chainHash(previousHash: string, digest: string): string {
  return sha256Hex(`${previousHash}${digest}`);
}

/** A row without its hash. */
export function contentOf({ hash: _, ...content }: AuditRow): AuditContent {
  return content;
}

/**
 * A text as every database gives it back: the hash is taken over what can be stored. Half of a surrogate pair has no
 * UTF-8, and PostgreSQL takes no NUL; both become the replacement character.
 */
export function storableText(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8').replaceAll('\0', '\uFFFD');
}
