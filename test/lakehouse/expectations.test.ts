import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptRefresh } from '../../lakehouse/adopt-refresh.ts';
import { recordExpectations } from '../../lakehouse/expectation-results.ts';
import { type Bench, openBench, planFor, refresh, rows, smallProject, stageAll } from './synthetic-project.ts';

/** Four flights: one lands well, one far too late, one too early, one never. All leave on the first day. */
const FOUR = `SELECT TIMESTAMP '2001-01-01 10:00' AS dep, origin, 80 AS distance, delay::BIGINT AS delay
  FROM (VALUES ('A', 10), ('B', 2000), ('C', -200), ('D', NULL)) AS t(origin, delay)`;
const IN_THE_AIR = '2001-01-01T10:00:30.000Z';
const LANDED = '2001-01-05T00:00:00.000Z';

describe('expectations', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(FOUR);
  });
  afterEach(() => bench.close());

  const origins = async (table: string): Promise<unknown[]> =>
    (await rows(bench.lake, `SELECT origin FROM lake.silver.${table} ORDER BY 1`)).map((row) => row['origin']);

  it('hold for what is not known, and are judged again when the value arrives', async () => {
    const bundle = smallProject(bench.folder);
    const early = await refresh(bench, bundle, IN_THE_AIR);
    expect(early.published.expectations).toEqual([
      { table: 'silver.flights', name: 'not_too_early', action: 'drop', broken: 0, total: 4 },
      { table: 'silver.flights', name: 'not_too_late', action: 'quarantine', broken: 0, total: 4 },
    ]);
    expect(await origins('flights')).toEqual(['A', 'B', 'C', 'D']);

    const later = await refresh(bench, bundle, LANDED);
    expect(later.published.expectations.map((e) => [e.name, e.broken, e.total])).toEqual([
      ['not_too_early', 1, 4],
      ['not_too_late', 1, 4],
    ]);
    expect(await origins('flights')).toEqual(['A', 'D']);
    expect(await rows(bench.lake, 'SELECT * FROM lake.silver.flights_quarantine')).toEqual([
      expect.objectContaining({ _file: 'flights.parquet', _row: 1, _rule: 'not_too_late', _reason: 'delay < 1440' }),
    ]);
    const [kept] = await rows(
      bench.lake,
      `SELECT "row"->>'origin' AS origin, "row"->>'delay' AS delay FROM lake.silver.flights_quarantine`,
    );
    expect(kept).toEqual({ origin: 'B', delay: '2000' });
    // Tables follow rows that leave the table below them.
    expect(await origins('long_flights')).toEqual(['A', 'D']);
    expect(await origins('origins')).toEqual(['A', 'D']);
    const results = await rows(
      bench.lake,
      'SELECT expectation, action, broken, total FROM lake.gold.expectation_results ORDER BY as_of, expectation',
    );
    expect(results).toHaveLength(4);
    expect(results[3]).toEqual({ expectation: 'not_too_late', action: 'quarantine', broken: 1, total: 4 });
  });

  it('let a refused row back in when its value is corrected by what surfaces later', async () => {
    await bench.writeParquet('flights.parquet', `SELECT *, 100 AS fuel FROM (${FOUR})`);
    const bundle = smallProject(bench.folder, {
      source: { known_later: { delay: 'dep + INTERVAL 1 HOUR', fuel: 'dep + INTERVAL 2 DAY' } },
      files: { 'silver/flights.sql': 'SELECT * REPLACE (coalesce(fuel, delay) AS delay) FROM bronze.flights' },
    });
    await refresh(bench, bundle, '2001-01-02T00:00:00.000Z');
    expect(await origins('flights')).toEqual(['A', 'D']);
    expect(await rows(bench.lake, 'SELECT _row FROM lake.silver.flights_quarantine')).toEqual([{ _row: 1 }]);
    await refresh(bench, bundle, LANDED);
    expect(await origins('flights')).toEqual(['A', 'B', 'C', 'D']);
    expect(await rows(bench.lake, 'SELECT _row FROM lake.silver.flights_quarantine')).toEqual([]);
  });

  it('stop a refresh: nothing is published, the counts stay readable, a corrected source goes through', async () => {
    const bundle = smallProject(bench.folder, {
      expectations: [{ name: 'sane_delay', expect: 'delay between -120 and 1440', on_violation: 'stop' }],
    });
    const plan = await planFor(bench, bundle, LANDED);
    const staged = await stageAll(bench, bundle, plan);
    expect(staged.at(-1)).toMatchObject({ table: 'silver.flights', stopped: 'sane_delay', rows: 0 });
    await expect(adoptRefresh(bench.lake, bundle, plan, staged)).rejects.toMatchObject({ type: 'ExpectationFailed' });
    await recordExpectations(bench.lake, plan, staged);
    await recordExpectations(bench.lake, plan, staged);
    expect(
      await rows(bench.lake, 'SELECT table_name, expectation, broken, total FROM lake.gold.expectation_results'),
    ).toEqual([{ table_name: 'silver.flights', expectation: 'sane_delay', broken: 2, total: 4 }]);
    expect(await bench.lake.published(bundle.definition.project)).toBeUndefined();

    await bench.writeParquet('flights.parquet', `SELECT * REPLACE (delay % 100 AS delay) FROM (${FOUR})`);
    const { published } = await refresh(bench, bundle, LANDED);
    expect(published.expectations).toEqual([
      { table: 'silver.flights', name: 'sane_delay', action: 'stop', broken: 0, total: 4 },
    ]);
    expect(await origins('flights')).toEqual(['A', 'B', 'C', 'D']);
  });

  it('name themselves when their SQL is wrong', async () => {
    const bundle = smallProject(bench.folder, {
      expectations: [{ name: 'typo', expect: 'dellay < 1440', on_violation: 'drop' }],
    });
    const plan = await planFor(bench, bundle, LANDED);
    await expect(stageAll(bench, bundle, plan)).rejects.toMatchObject({
      type: 'QueryFailed',
      message: expect.stringMatching(/expectation typo of silver\.flights.*dellay/s) as string,
    });
  });
});
