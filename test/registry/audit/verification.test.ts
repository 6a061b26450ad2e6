import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentOf, GENESIS_HASH, sealRow, type AuditRow } from '../../../registry/audit/chain.ts';
import { verifyChain, type AuditHead } from '../../../registry/audit/verification.ts';

/** A chain of rows as the registry writes them. */
function chain(comments: readonly string[]): AuditRow[] {
  return reseal(
    comments.map((comment, i) => ({
      sequence: i + 1,
      at: new Date(Date.UTC(2001, 2, 1, 0, 0, i)).toISOString(),
      model: 'delays',
      version: 1 + (i % 3),
      action: 'NEW_COMMENT',
      fromStage: null,
      toStage: null,
      by: 'ml-lead',
      proof: 'claimed',
      comment,
      evidenceDigest: null,
      workflowId: null,
      workflowRunId: null,
      details: null,
      previousHash: '',
      hash: '',
    })),
  );
}

/** What an attacker does who knows the code: numbers and hashes anew, so that the chain holds together. */
function reseal(rows: readonly AuditRow[]): AuditRow[] {
  let previousHash = GENESIS_HASH;
  return rows.map((row, i) => {
    const sealed = sealRow({ ...contentOf(row), sequence: i + 1, previousHash });
    previousHash = sealed.hash;
    return sealed;
  });
}

const headAt = (rows: readonly AuditRow[], sequence: number): AuditHead => ({
  environment: 'prod',
  sequence,
  hash: rows[sequence - 1]?.hash ?? GENESIS_HASH,
  time: new Date(Date.UTC(2001, 2, 1, 0, 0, sequence)).toISOString(),
});

async function* stream(rows: readonly AuditRow[]): AsyncGenerator<AuditRow> {
  yield* rows;
}

const verify = (rows: readonly AuditRow[], heads: readonly AuditHead[] = []) => verifyChain(stream(rows), heads);

const comments = fc.array(fc.string(), { minLength: 2, maxLength: 12 });
/** A chain and a place in it. */
const placed = comments.chain((texts) => fc.tuple(fc.constant(chain(texts)), fc.nat({ max: texts.length - 1 })));

describe('an untouched chain', () => {
  it('holds, with heads from any time in any order', async () => {
    await fc.assert(
      fc.asyncProperty(comments, fc.array(fc.nat({ max: 12 })), async (texts, places) => {
        const rows = chain(texts);
        const heads = places.map((place) => headAt(rows, Math.min(place, rows.length)));
        const found = await verify(rows, heads);
        expect(found.fault).toBeUndefined();
        expect(found).toMatchObject({ rows: rows.length, headsThatAgree: heads.length });
        expect(found.coveredUntil).toBe(Math.max(0, ...heads.map((head) => head.sequence)));
        expect(found.end).toEqual({ sequence: rows.length, hash: rows.at(-1)?.hash });
      }),
    );
  });

  it('holds when it is empty', async () => {
    expect(await verify([], [headAt([], 0)])).toEqual({
      end: { sequence: 0, hash: GENESIS_HASH },
      rows: 0,
      headsThatAgree: 1,
      coveredUntil: 0,
    });
  });
});

describe('a hand in the table', () => {
  const edits = [
    ['comment', 'other'],
    ['by', 'somebody'],
    ['proof', 'signature'],
    ['at', '1999-01-01T00:00:00.000Z'],
    ['model', 'fares'],
    ['version', 99],
    ['action', 'APPROVED_REQUEST'],
    ['fromStage', 'None'],
    ['toStage', 'Production'],
    ['evidenceDigest', 'f'.repeat(64)],
    ['workflowId', 'promote-model/delays/1'],
    ['workflowRunId', 'run'],
    ['details', '{"quorum":2}'],
  ] as const;

  it.each(edits)('is found by the row whose %s it changed', async (field, value) => {
    await fc.assert(
      fc.asyncProperty(placed, async ([rows, place]) => {
        const touched = rows.map((row, i) => (i === place ? { ...row, [field]: value } : row));
        expect((await verify(touched)).fault).toMatchObject({ kind: 'altered', sequence: place + 1 });
      }),
      { numRuns: 20 },
    );
  });

  it('is found by the row after one that it changed with its own hash', async () => {
    await fc.assert(
      fc.asyncProperty(placed, async ([rows, place]) => {
        const touched = rows.map((row, i) => (i === place ? sealRow({ ...contentOf(row), comment: 'no!' }) : row));
        const { fault } = await verify(touched, [headAt(rows, rows.length)]);
        // The last row has none after it: there the head speaks.
        const last = place === rows.length - 1;
        expect(fault).toMatchObject(
          rows[place]?.comment === 'no!'
            ? {}
            : { kind: last ? 'rewritten' : 'unlinked', sequence: last ? 1 : place + 2 },
        );
      }),
    );
  });

  it('is found by the row that it removed', async () => {
    await fc.assert(
      fc.asyncProperty(placed, async ([rows, place]) => {
        const fault = (await verify(rows.filter((_, i) => i !== place))).fault;
        if (place < rows.length - 1) expect(fault).toMatchObject({ kind: 'removed', sequence: place + 1 });
        else expect(fault).toBeUndefined();
      }),
    );
  });

  it('is found where it swapped two rows, with or without their numbers', async () => {
    await fc.assert(
      fc.asyncProperty(placed, fc.nat(), async ([rows, place], other) => {
        const second = other % rows.length;
        fc.pre(second !== place);
        const [a, b] = [rows[Math.min(place, second)], rows[Math.max(place, second)]] as [AuditRow, AuditRow];
        const swap = (keep: boolean): AuditRow[] =>
          rows.map((row) =>
            row === a
              ? { ...b, sequence: keep ? a.sequence : b.sequence }
              : row === b
                ? { ...a, sequence: keep ? b.sequence : a.sequence }
                : row,
          );
        expect((await verify(swap(true))).fault).toMatchObject({ kind: 'altered', sequence: a.sequence });
        expect((await verify(swap(false))).fault).toMatchObject({ kind: 'removed', sequence: a.sequence });
      }),
    );
  });

  it('is found where it put a row in, below the first one too', async () => {
    await fc.assert(
      fc.asyncProperty(placed, async ([rows, place]) => {
        const forged = sealRow({ ...contentOf(rows[place] as AuditRow), comment: 'forged' });
        const renumbered = rows.slice(place).map((row) => ({ ...row, sequence: row.sequence + 1 }));
        const found = await verify([...rows.slice(0, place), forged, ...renumbered]);
        expect(found.fault?.sequence).toBe(place + 2);
        expect((await verify([{ ...forged, sequence: 0 }, ...rows])).fault).toMatchObject({ kind: 'out-of-order' });
      }),
    );
  });
});

describe('an attacker who owns the database and seals the chain anew', () => {
  it('is not found by the chain alone, and is by a head that was written out before', async () => {
    await fc.assert(
      fc.asyncProperty(placed, fc.nat(), async ([rows, place], somewhere) => {
        const wanted = 'approved by nobody';
        fc.pre(rows[place]?.comment !== wanted);
        const rewritten = reseal(rows.map((row, i) => (i === place ? { ...row, comment: wanted } : row)));
        expect((await verify(rewritten)).fault).toBeUndefined();
        const early = headAt(rows, somewhere % (place + 1));
        expect((await verify(rewritten, [early])).fault).toBeUndefined();
        const late = headAt(rows, rows.length);
        const { fault } = await verify(rewritten, [late, early]);
        expect(fault).toMatchObject({ kind: 'rewritten', sequence: early.sequence + 1 });
      }),
    );
  });

  it.each([
    ['drops a row', (rows: AuditRow[]) => rows.filter((_, i) => i !== 3)],
    ['puts one in', (rows: AuditRow[]) => [...rows.slice(0, 3), ...rows.slice(2)]],
    ['swaps two', (rows: AuditRow[]) => [...rows.slice(0, 3), rows[4], rows[3], ...rows.slice(5)] as AuditRow[]],
  ])('is found when it %s', async (_, attack) => {
    const rows = chain(['a', 'b', 'c', 'd', 'e', 'f']);
    const rewritten = reseal(attack(rows));
    expect((await verify(rewritten)).fault).toBeUndefined();
    const { fault } = await verify(rewritten, [headAt(rows, 2), headAt(rows, 5)]);
    expect(fault).toMatchObject({ kind: 'rewritten', sequence: 3 });
  });

  it('is found when it cuts the end off', async () => {
    const rows = chain(['a', 'b', 'c', 'd']);
    expect((await verify(rows.slice(0, 2))).fault).toBeUndefined();
    const { fault } = await verify(rows.slice(0, 2), [headAt(rows, 1), headAt(rows, 4)]);
    expect(fault).toMatchObject({ kind: 'cut', sequence: 3 });
    expect((await verify([], [headAt(rows, 4)])).fault).toMatchObject({ kind: 'cut', sequence: 1 });
  });
});
