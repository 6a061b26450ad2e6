import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PinnedBundle } from '../../contracts/pinned-bundle.ts';
import { scoreByBaseline } from '../../lakehouse/baseline-scores.ts';
import { type FlightsLake, flightsLake } from './flights-lake.ts';

let flights: FlightsLake;
let rowsFile: string;
beforeAll(async () => {
  flights = await flightsLake();
  rowsFile = join(flights.folder, 'held-out.parquet');
  await flights.lake.work((c) =>
    c.run(
      `COPY (SELECT 'f' AS _file, i AS _row, TIMESTAMP '2001-02-01' + to_hours(i::INTEGER) AS event_time, i % 2 AS late,
         TIMESTAMP '2001-02-09' AS label_known_at, (i / 10)::FLOAT AS "route_history.late_rate_28d" FROM range(10) AS r(i))
       TO '${rowsFile}' (FORMAT parquet)`,
    ),
  );
});
afterAll(() => flights.remove());

function withBaseline(sql: string): PinnedBundle {
  const { bundle } = flights;
  return { ...bundle, files: { ...bundle.files, [bundle.definition.gates.comparison.baseline.sql]: sql } };
}

async function scored(bundle: PinnedBundle): Promise<Record<string, unknown>[]> {
  const file = join(flights.folder, 'baseline.parquet');
  await scoreByBaseline(flights.lake, bundle, { rowsFile, file });
  return flights.rows(
    `SELECT _row::INTEGER AS row, late::INTEGER AS late, score::DOUBLE AS score FROM read_parquet('${file}')`,
  );
}

describe('scoreByBaseline', () => {
  it("scores every row by the example's baseline, and keeps the label for whoever judges", async () => {
    const rows = await scored(flights.bundle);
    expect(rows).toHaveLength(10);
    expect(rows[3]).toMatchObject({ row: 3, late: 1 });
    expect(rows[3]?.['score']).toBeCloseTo(0.3, 6);
  });

  it('shows no label to the baseline', async () => {
    await expect(scored(withBaseline('SELECT _file, _row, late AS score FROM dataset'))).rejects.toMatchObject({
      type: 'QueryFailed',
    });
    await expect(
      scored(withBaseline('SELECT _file, _row, epoch(label_known_at) AS score FROM dataset')),
    ).rejects.toMatchObject({ type: 'QueryFailed' });
  });

  it('shows no table of the lake to the baseline', async () => {
    const cheats = [
      'SELECT _file, _row, 1 AS score FROM lake.silver.flights',
      'SELECT _file, _row, 1 AS score FROM silver.flights',
    ];
    for (const sql of cheats) await expect(scored(withBaseline(sql))).rejects.toMatchObject({ type: 'QueryFailed' });
  });

  it.each([
    ['a row without a score', 'SELECT _file, _row, 0.5 AS score FROM dataset WHERE _row > 0'],
    ['a score that is NULL', 'SELECT _file, _row, CASE WHEN _row > 0 THEN 0.5 END AS score FROM dataset'],
    [
      'two scores for a row',
      'SELECT _file, _row, 0.5 AS score FROM dataset UNION ALL SELECT _file, _row, 0.4 FROM dataset',
    ],
    ['no column score', 'SELECT _file, _row FROM dataset'],
  ])('refuses %s', async (_what, sql) => {
    await expect(scored(withBaseline(sql))).rejects.toMatchObject({ type: 'SchemaMismatch' });
  });
});
