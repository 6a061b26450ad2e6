import { chainHash, contentDigest, contentOf, type AuditRow } from '../chain.ts';
import type { AuditHead } from '../verification.ts';

/** A line of a proof: a row that is shown, or the digest of one that is not. */
export type ProofLine = { readonly row: AuditRow } | { readonly sequence: number; readonly contentDigest: string };

/**
 * The chain from the first row that belongs here up to the end: rows that belong are shown, of others only digests.
 * Whoever has a signed head can follow it and knows that the shown rows stand below that head, unaltered.
 */
export async function* proveRows(
  rows: AsyncIterable<AuditRow>,
  belongs: (row: AuditRow) => boolean,
): AsyncGenerator<ProofLine> {
  let begun = false;
  for await (const row of rows) {
    const shown = belongs(row);
    begun ||= shown;
    if (shown) yield { row };
    else if (begun) yield { sequence: row.sequence, contentDigest: contentDigest(contentOf(row)) };
  }
}

/** What is wrong with a proof; undefined for one that leads to the head. Rows behind the head prove nothing and are refused. */
export function proofFault(lines: readonly ProofLine[], head: AuditHead): string | undefined {
  const first = lines[0];
  if (first === undefined) return undefined;
  if (!('row' in first)) return 'it does not begin with a row that is shown';
  let hash = first.row.previousHash;
  let sequence = first.row.sequence - 1;
  for (const line of lines) {
    const stated = 'row' in line ? line.row.sequence : line.sequence;
    sequence += 1;
    if (stated !== sequence) return `row ${sequence} is missing: found ${stated}`;
    if ('row' in line && line.row.previousHash !== hash) return `row ${sequence} does not follow the one before it`;
    hash = chainHash(hash, 'row' in line ? contentDigest(contentOf(line.row)) : line.contentDigest);
    if ('row' in line && line.row.hash !== hash) return `row ${sequence} was altered`;
  }
  if (sequence !== head.sequence) return `it ends at row ${sequence}; the head is of row ${head.sequence}`;
  return hash === head.hash ? undefined : `it leads to ${hash}; the head says ${head.hash}`;
}
