import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aucOfCounts,
  brierOfCounts,
  classSizes,
  logLossOfCounts,
  scoreBin,
  scoreHistogram,
  type ScoreHistogramRow,
} from '../../learning/score-histogram.ts';
import { scoreHistogramSql } from '../../learning/score-histogram-sql.ts';
import { histogramOf, mayDay, type ScoredRow } from '../support/scored-rows.ts';

const rows = fc.array(
  fc.record({
    day: fc.integer({ min: 1, max: 4 }).map(mayDay),
    label: fc.integer({ min: 0, max: 1 }),
    score: fc.integer({ min: 0, max: 40 }).map((step) => step / 40),
  }),
  { minLength: 1, maxLength: 60 },
);

/** The definition: the share of pairs in the right order, ties counting half. */
function aucByPairs(scored: readonly ScoredRow[]): number {
  const positives = scored.filter(({ label }) => label === 1);
  const negatives = scored.filter(({ label }) => label === 0);
  const wins = positives.flatMap((p) =>
    negatives.map((n): number => (p.score > n.score ? 1 : p.score < n.score ? 0 : 0.5)),
  );
  return wins.reduce((sum, win) => sum + win, 0) / wins.length;
}

/** NaN, of rows of one label, equals NaN. */
function expectClose(found: number, expected: number): void {
  if (Number.isNaN(expected)) expect(found).toBeNaN();
  else expect(found).toBeCloseTo(expected, 12);
}

describe('aucOfCounts', () => {
  it('reproduces the published areas of the ten against ten fixture', () => {
    const negatives = {
      first: [0.1, 0.2, 0.15, 0.4, 0.35, 0.5, 0.3, 0.6, 0.25, 0.45],
      second: [0.2, 0.3, 0.1, 0.5, 0.6, 0.4, 0.35, 0.7, 0.2, 0.55],
    };
    const positives = {
      first: [0.55, 0.7, 0.8, 0.5, 0.9, 0.65, 0.4, 0.75, 0.85, 0.95],
      second: [0.5, 0.6, 0.9, 0.3, 0.8, 0.45, 0.65, 0.7, 0.4, 0.85],
    };
    const auc = (model: 'first' | 'second'): number => {
      const scored = [
        ...negatives[model].map((score) => ({ day: mayDay(1), label: 0, score })),
        ...positives[model].map((score) => ({ day: mayDay(1), label: 1, score })),
      ];
      return aucOfCounts(histogramOf(scored).total);
    };
    expect(auc('first')).toBeCloseTo(0.94, 12);
    expect(auc('second')).toBeCloseTo(0.785, 12);
  });

  it('equals counting all pairs, also with a day left out', () => {
    fc.assert(
      fc.property(rows, (scored) => {
        const { total, days } = histogramOf(scored);
        expectClose(aucOfCounts(total), aucByPairs(scored));
        for (const { day, counts } of days) {
          expectClose(aucOfCounts(total, counts), aucByPairs(scored.filter((row) => row.day !== day)));
        }
      }),
    );
  });

  it('is not a number where a class is empty', () => {
    expect(aucOfCounts(histogramOf([{ day: mayDay(1), label: 1, score: 0.5 }]).total)).toBeNaN();
    expect(aucOfCounts(scoreHistogram([]).total)).toBeNaN();
  });
});

describe('scoreHistogram', () => {
  it('does not depend on the order of rows or on how they were split', () => {
    fc.assert(
      fc.property(rows, (scored) => {
        expect(histogramOf([...scored].reverse())).toEqual(histogramOf(scored));
        expect(classSizes(histogramOf(scored).total).positives).toBe(scored.filter(({ label }) => label === 1).length);
      }),
    );
  });

  it('keeps log loss and Brier score to a bin’s width', () => {
    const scored = [0.03, 0.21, 0.5, 0.77, 0.98].flatMap((score) =>
      [0, 1].map((label) => ({ day: mayDay(1), label, score })),
    );
    const mean = (loss: (row: ScoredRow) => number): number =>
      scored.reduce((sum, row) => sum + loss(row), 0) / scored.length;
    const { total } = histogramOf(scored);
    expect(logLossOfCounts(total)).toBeCloseTo(
      mean(({ label, score }) => -Math.log(label === 1 ? score : 1 - score)),
      3,
    );
    expect(brierOfCounts(total)).toBeCloseTo(
      mean(({ label, score }) => (score - label) ** 2),
      4,
    );
  });

  it('puts 1 into the last bin and refuses what is no probability', () => {
    expect([scoreBin(0), scoreBin(0.5), scoreBin(1)]).toEqual([0, 5000, 9999]);
    for (const score of [-0.1, 1.1, Number.NaN]) {
      expect(() => scoreBin(score)).toThrow(expect.objectContaining({ type: 'InvalidInput' }));
    }
    const row = { day: mayDay(1), label: 0, bin: 3, count: 1 };
    for (const bad of [{ label: 2 }, { bin: 10_000 }, { bin: 1.5 }, { count: -1 }]) {
      expect(() => scoreHistogram([{ ...row, ...bad }])).toThrow(expect.objectContaining({ type: 'InvalidInput' }));
    }
  });
});

describe('scoreHistogramSql', () => {
  let instance: DuckDBInstance;
  let connection: DuckDBConnection;
  const run = async (sql: string): Promise<ScoreHistogramRow[]> =>
    (await connection.runAndReadAll(sql)).getRowObjects() as unknown as ScoreHistogramRow[];
  const relation = (values: string): string =>
    `(SELECT * FROM (VALUES ${values}) AS t(event_time, "was late", score, origin))`;

  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    connection = await instance.connect();
  });
  afterAll(() => {
    connection.closeSync();
    instance.closeSync();
  });

  it('counts by day, label and bin, and leaves out rows without a label', async () => {
    const values = `
      (TIMESTAMP '2001-05-01 00:00', 1, 0.25::FLOAT, 'ABQ'), (TIMESTAMP '2001-05-01 23:59', 1, 0.25::FLOAT, 'ATL'),
      (TIMESTAMP '2001-05-02 00:00', 0, 1.0::FLOAT, 'ABQ'), (TIMESTAMP '2001-05-02 00:00', NULL, 0.5::FLOAT, NULL)`;
    expect(await run(scoreHistogramSql({ relation: relation(values), label: 'was late' }))).toEqual([
      { day: '2001-05-01', label: 1, bin: 2500, count: 2 },
      { day: '2001-05-02', label: 0, bin: 9999, count: 1 },
    ]);
    expect(await run(scoreHistogramSql({ relation: relation(values), label: 'was late', slice: 'origin' }))).toEqual([
      { day: '2001-05-01', label: 1, bin: 2500, count: 1, slice: 'ABQ' },
      { day: '2001-05-01', label: 1, bin: 2500, count: 1, slice: 'ATL' },
      { day: '2001-05-02', label: 0, bin: 9999, count: 1, slice: 'ABQ' },
    ]);
  });

  it('puts a score into the same bin as the code does', async () => {
    const scores = Array.from({ length: 2001 }, (_, index) => Math.fround(index / 2000));
    const values = scores.map((score) => `(TIMESTAMP '2001-05-01', 0, '${score}'::FLOAT, NULL)`).join(', ');
    const counted = await run(scoreHistogramSql({ relation: relation(values), label: 'was late' }));
    const expected = histogramOf(scores.map((score) => ({ day: mayDay(1), label: 0, score })));
    expect(scoreHistogram(counted)).toEqual(expected);
  });

  it.each(['NULL::FLOAT', "'nan'::FLOAT", '1.5', '-0.1'])('stops at a score of %s', async (score) => {
    const sql = scoreHistogramSql({
      relation: relation(`(TIMESTAMP '2001-05-01', 0, ${score}, 'A')`),
      label: 'was late',
    });
    await expect(run(sql)).rejects.toThrow(/2001-05-01.*expected a number between 0 and 1/);
  });
});
