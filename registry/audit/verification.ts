import { contentOf, GENESIS_HASH, sealRow, type AuditRow } from './chain.ts';
import type { ChainEnd } from './rows.ts';

/** The head of a chain at some time, as it was written out and signed. */
export interface AuditHead {
  readonly environment: string;
  /** Of the last row; 0 for an empty chain. */
  readonly sequence: number;
  readonly hash: string;
  /** ISO instant. */
  readonly time: string;
}

export type ChainFaultKind =
  /** The row's content does not give its hash, or the row stands at another place than it was written for. */
  | 'altered'
  /** Rows are missing before this one. */
  | 'removed'
  /** The row does not follow the one before it: that one was replaced, or this one put in. */
  | 'unlinked'
  /** Numbers that the registry never gives out: below 1, or not counting up. */
  | 'out-of-order'
  /** The chain holds together, yet differs from what a signed head says. */
  | 'rewritten'
  /** The chain ends before a signed head. */
  | 'cut';

export interface ChainFault {
  readonly kind: ChainFaultKind;
  /** The first wrong one. For `rewritten`, the first that may be: the last head before it still agrees. */
  readonly sequence: number;
  readonly message: string;
}

export interface ChainVerification {
  /** The last row that was read. */
  readonly end: ChainEnd;
  readonly rows: number;
  /** Undefined for a chain that holds. */
  readonly fault?: ChainFault;
  /** How many heads were compared and agree. */
  readonly headsThatAgree: number;
  /** Rows up to here stand in a head that agrees; later ones nobody outside of the database has seen. */
  readonly coveredUntil: number;
}

/**
 * Follows the chain from its first row and compares it with heads that were written out. One pass, row by row, so a
 * chain of any length will do. Stops at the first fault.
 *
 * @param heads signatures checked already, in any order
 */
export async function verifyChain(
  rows: AsyncIterable<AuditRow>,
  heads: readonly AuditHead[],
): Promise<ChainVerification> {
  const inOrder = [...heads].sort((a, b) => a.sequence - b.sequence);
  let end: ChainEnd = { sequence: 0, hash: GENESIS_HASH };
  let next = 0;
  let covered = 0;
  const verified = (fault?: ChainFault): ChainVerification => ({
    end,
    rows: end.sequence,
    ...(fault === undefined ? {} : { fault }),
    headsThatAgree: next,
    coveredUntil: covered,
  });

  /** Compares all heads that stand at the present end. */
  const headFault = (): ChainFault | undefined => {
    for (let head = inOrder[next]; head?.sequence === end.sequence; head = inOrder[next]) {
      if (head.hash !== end.hash) return rewritten(head, end, covered);
      covered = head.sequence;
      next += 1;
    }
    return undefined;
  };

  const atStart = headFault();
  if (atStart !== undefined) return verified(atStart);
  for await (const row of rows) {
    const fault = rowFault(row, end);
    if (fault !== undefined) return verified(fault);
    end = { sequence: row.sequence, hash: row.hash };
    const against = headFault();
    if (against !== undefined) return verified(against);
  }
  const beyond = inOrder[next];
  return verified(beyond === undefined ? undefined : cut(beyond, end));
}

function rowFault(row: AuditRow, before: ChainEnd): ChainFault | undefined {
  const expected = before.sequence + 1;
  if (row.sequence > expected) {
    const missing =
      row.sequence - 1 === expected ? `row ${expected} is` : `rows ${expected} to ${row.sequence - 1} are`;
    return { kind: 'removed', sequence: expected, message: `${missing} missing: the next one is ${row.sequence}` };
  }
  if (row.sequence < expected) {
    const message = `row ${row.sequence} stands where ${expected} was expected; the registry counts up from 1`;
    return { kind: 'out-of-order', sequence: row.sequence, message };
  }
  const found = sealRow(contentOf(row)).hash;
  if (found !== row.hash) {
    const message = `row ${row.sequence} was altered or moved: its content gives ${short(found)}, it says ${short(row.hash)}`;
    return { kind: 'altered', sequence: row.sequence, message };
  }
  if (row.previousHash !== before.hash) {
    const link = `it follows ${short(row.previousHash)}, the row before it is ${short(before.hash)}`;
    const message = `row ${row.sequence} does not follow row ${before.sequence}: ${link}; one was replaced or put in`;
    return { kind: 'unlinked', sequence: row.sequence, message };
  }
  return undefined;
}

function rewritten(head: AuditHead, end: ChainEnd, covered: number): ChainFault {
  const where = `somewhere in rows ${covered + 1} to ${head.sequence}`;
  const message = `the chain was rewritten ${where}: the head of ${head.time} says ${short(head.hash)} at row ${head.sequence}, the chain ${short(end.hash)}`;
  return { kind: 'rewritten', sequence: covered + 1, message };
}

function cut(head: AuditHead, end: ChainEnd): ChainFault {
  const message = `the chain was cut: it ends at row ${end.sequence}, the head of ${head.time} names row ${head.sequence}`;
  return { kind: 'cut', sequence: end.sequence + 1, message };
}

function short(hash: string): string {
  return hash === '' ? 'nothing' : hash.slice(0, 12);
}
