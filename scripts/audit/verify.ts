import { streamRows } from '../../registry/audit/rows.ts';
import { verifyChain, type ChainVerification } from '../../registry/audit/verification.ts';
import { readWrittenHeads, type WrittenHeads } from '../../registry/audit/written-heads.ts';
import type { OpenEnvironment } from './open-environment.ts';

/** What `npm run audit -- verify` found, as `--json` prints it. */
export interface VerifyReport extends ChainVerification {
  readonly environment: string;
  /** No fault, and no head that somebody else put there. */
  readonly ok: boolean;
  /** Null when no heads were given: then nothing tells a chain that was rewritten as a whole. */
  readonly heads: WrittenHeads | null;
}

/**
 * Verifies the audit of an environment, against heads that were written out where some are given. Heads are read
 * first: rows that come meanwhile are behind all of them.
 */
export async function verifyAudit(
  { environment, db }: Pick<OpenEnvironment, 'environment' | 'db'>,
  places: readonly string[],
  publicKeys: readonly string[],
): Promise<VerifyReport> {
  const read = await Promise.all(places.map((place) => readWrittenHeads(place, environment, publicKeys)));
  const heads = places.length === 0 ? null : mergeHeads(read);
  const chain = await verifyChain(streamRows(db), heads?.heads ?? []);
  const foreign = heads?.unreadable.some(({ isTorn }) => !isTorn) ?? false;
  return { environment, ok: chain.fault === undefined && !foreign, ...chain, heads };
}

/** For people, some lines. */
export function describeVerification(report: VerifyReport): string[] {
  const { environment, rows, end, fault, heads, headsThatAgree, coveredUntil } = report;
  const unreadable = (heads?.unreadable ?? []).map(
    ({ where, problem, isTorn }) =>
      `${isTorn ? 'half a line' : 'NOT A HEAD OF THIS ENVIRONMENT'}: ${where}: ${problem}`,
  );
  if (fault !== undefined) {
    return [
      `${environment}: THE AUDIT DOES NOT HOLD. First wrong row: ${fault.sequence} (${fault.kind}).`,
      fault.message,
      `Rows 1 to ${fault.sequence - 1} hold${heads === null ? '' : `; ${headsThatAgree} heads agree`}.`,
      ...unreadable,
    ];
  }
  const against =
    heads === null
      ? 'No heads given: a chain that was rewritten as a whole, or cut, would not be noticed. Give --heads.'
      : `${headsThatAgree} heads agree, the last of row ${coveredUntil}; ${rows - coveredUntil} later rows stand in the database alone.`;
  return [`${environment}: ${rows} rows, one whole chain, ends with ${end.hash.slice(0, 12)}.`, against, ...unreadable];
}

function mergeHeads(read: readonly WrittenHeads[]): WrittenHeads {
  return { heads: read.flatMap(({ heads }) => heads), unreadable: read.flatMap(({ unreadable }) => unreadable) };
}
