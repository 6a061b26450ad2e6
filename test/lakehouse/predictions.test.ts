import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDataset } from '../../lakehouse/dataset.ts';
import {
  exportPredictions,
  type PredictionsToPublish,
  predictionsTable,
  predictionsWithLabels,
  publishPredictions,
} from '../../lakehouse/predictions.ts';
import { stagingFolder } from '../../lakehouse/staging.ts';
import { type FlightsLake, flightsLake, SLICE_UNTIL, withTraining } from './flights-lake.ts';

const WEEK = { from: '2001-02-05T00:00:00.000Z', until: '2001-02-12T00:00:00.000Z' };
const AFTER = { from: '2001-02-12T00:00:00.000Z', until: '2001-02-19T00:00:00.000Z' };
const TABLE = 'lake.gold.flights_delay_predictions';

describe('predictions', () => {
  let flights: FlightsLake;
  let snapshot: number;
  beforeAll(async () => {
    flights = await flightsLake();
    snapshot = await flights.refresh(SLICE_UNTIL);
    await scored('week', WEEK, 0.25);
    await scored('after', AFTER, 0.5);
  });
  afterAll(() => flights.remove());

  const file = (name: string): string => join(flights.folder, `${name}.parquet`);
  const at = (): { snapshot: number; asOf: string; refreshedAsOf: string } => ({
    snapshot,
    asOf: SLICE_UNTIL,
    refreshedAsOf: SLICE_UNTIL,
  });

  /** A dataset file and, row by row, a scores file: `base` plus a number that names the row. */
  async function scored(name: string, window: typeof WEEK, base: number, bundle = flights.bundle): Promise<void> {
    await buildDataset(flights.lake, bundle, { ...at(), ...window, withLabels: false, file: file(name) });
    await flights.rows(
      `COPY (SELECT (${base} + _row / 1e8)::FLOAT AS score FROM '${file(name)}') TO '${file(`${name}-scores`)}' (FORMAT parquet)`,
    );
  }

  const toPublish = (key: string, name: string, change: Partial<PredictionsToPublish> = {}): PredictionsToPublish => ({
    key,
    project: 'flights-delay',
    model: 'flights-delay',
    version: 1,
    modelSha256: 'ab'.repeat(32),
    asOf: SLICE_UNTIL,
    ...(name === 'after' ? AFTER : WEEK),
    snapshot,
    datasetFile: file(name),
    scoresFile: file(`${name}-scores`),
    ...change,
  });
  const counts = (): Promise<Record<string, unknown>[]> =>
    flights.rows(
      `SELECT model_version AS version, count(*)::INTEGER AS rows, count(DISTINCT _row)::INTEGER AS keys, round(min(score), 1) AS base
       FROM ${TABLE} GROUP BY ALL ORDER BY ALL`,
    );

  it('names the table by the project', () => {
    expect(predictionsTable('flights-delay')).toBe('gold.flights_delay_predictions');
  });

  it('keeps features, score and model of each row, once per key', async () => {
    const first = await publishPredictions(flights.lake, toPublish('a', 'week'));
    expect(first).toMatchObject({ table: 'gold.flights_delay_predictions' });
    const [row] = await flights.rows(
      `SELECT count(*)::INTEGER AS rows, count(*) FILTER (abs(p.score - 0.25 - p._row / 1e8) < 1e-6)::INTEGER AS fitting,
         any_value(model) AS model, any_value(model_sha256) AS sha256, any_value(feature_snapshot)::INTEGER AS snapshot
       FROM ${TABLE} AS p JOIN '${file('week')}' AS d USING (_file, _row)
       WHERE p."route_history.late_rate_7d" IS NOT DISTINCT FROM d."route_history.late_rate_7d"`,
    );
    expect(row).toEqual({
      rows: first.rows,
      fitting: first.rows,
      model: 'flights-delay',
      sha256: 'ab'.repeat(32),
      snapshot,
    });
    expect(first.rows).toBeGreaterThan(2000);

    expect(await publishPredictions(flights.lake, toPublish('a', 'week'))).toEqual(first);
    const twins = ['b', 'b'].map((key) => publishPredictions(flights.lake, toPublish(key, 'week')));
    const [one, other] = await Promise.all(twins);
    expect(other).toEqual(one);
    expect(await counts()).toMatchObject([{ version: 1, rows: first.rows, keys: first.rows }]);
    const staged = await readdir(stagingFolder(flights.lake.dataFolder, 'b'));
    expect(staged.filter((name) => name.endsWith('.parquet'))).toHaveLength(1);
  });

  it('replaces the rows of the same version and window, and leaves all others', async () => {
    const week = await publishPredictions(flights.lake, toPublish('replace-1', 'week'));
    const after = await publishPredictions(flights.lake, toPublish('replace-2', 'after'));
    await publishPredictions(flights.lake, toPublish('replace-3', 'week', { version: 2 }));
    await flights.rows(
      `COPY (SELECT 0.75::FLOAT AS score FROM '${file('week')}') TO '${file('again')}' (FORMAT parquet)`,
    );
    await publishPredictions(flights.lake, toPublish('replace-4', 'week', { version: 2, scoresFile: file('again') }));
    expect(await counts()).toEqual([
      { version: 1, rows: week.rows + after.rows, keys: week.rows + after.rows, base: 0.3 },
      { version: 2, rows: week.rows, keys: week.rows, base: 0.8 },
    ]);
    // What was read before stays as it was.
    const before = await flights.rows(
      `SELECT count(*)::INTEGER AS rows FROM ${TABLE} AT (VERSION => ${week.snapshot}) WHERE model_version = 1`,
    );
    expect(before).toEqual([{ rows: week.rows }]);
  });

  it('keeps rows that were scored with newer features', async () => {
    const of = (change: Partial<PredictionsToPublish>) => ({ version: 4, ...change });
    const newer = await publishPredictions(flights.lake, toPublish('newer', 'week', of({ snapshot: snapshot + 1000 })));
    const older = publishPredictions(flights.lake, toPublish('older', 'week', of({})));
    await expect(older).rejects.toMatchObject({
      type: 'IllegalTransition',
      message: expect.stringMatching(
        new RegExp(`snapshot ${snapshot + 1000};.*older snapshot ${snapshot} .*score the window again`),
      ) as unknown,
    });
    expect(await flights.lake.findCommit('older')).toBeUndefined();
    const staged = await readdir(stagingFolder(flights.lake.dataFolder, 'older'));
    expect(staged.filter((name) => name.endsWith('.parquet'))).toEqual([]);
    const kept = `SELECT count(*)::INTEGER AS rows, max(feature_snapshot)::INTEGER AS snapshot FROM ${TABLE} WHERE model_version = 4`;
    expect(await flights.rows(kept)).toEqual([{ rows: newer.rows, snapshot: snapshot + 1000 }]);
    // Another window or version has nothing newer, and newer features replace.
    const after = await publishPredictions(flights.lake, toPublish('older-after', 'after', of({})));
    const newest = toPublish('newest', 'week', of({ snapshot: snapshot + 2000 }));
    await publishPredictions(flights.lake, newest);
    expect(await flights.rows(kept)).toEqual([{ rows: newer.rows + after.rows, snapshot: snapshot + 2000 }]);
  });

  it('takes a version with another feature beside those without it', async () => {
    const features = [...flights.bundle.definition.training.features, 'is_weekend'];
    const spine = (flights.bundle.files['training/spine.sql'] ?? '').replace(
      'distance',
      'distance, (isodow(date) > 5)::INTEGER AS is_weekend',
    );
    const bundle = {
      ...withTraining(flights.bundle, { features }),
      files: { ...flights.bundle.files, 'training/spine.sql': spine },
    };
    await scored('wider', WEEK, 0.1, bundle);
    const { rows } = await publishPredictions(flights.lake, toPublish('wider', 'wider', { version: 3 }));
    // The table has the new column now; a dataset without it still fits.
    await publishPredictions(flights.lake, toPublish('narrow', 'after', { version: 3 }));
    const found = await flights.rows(
      `SELECT model_version AS version, count(is_weekend)::INTEGER AS filled FROM ${TABLE} WHERE model_version IN (1, 3) GROUP BY 1 ORDER BY 1`,
    );
    expect(found).toEqual([
      { version: 1, filled: 0 },
      { version: 3, filled: rows },
    ]);
  });

  it.each([
    ['scores of another dataset', { scoresFile: 'after-scores' }, /expected one score for each of \d+ rows/],
    ['rows outside of the window', { until: '2001-02-06T00:00:00Z' }, /and \d{4} rows outside/],
  ])('refuses %s and changes nothing', async (_, change, message) => {
    const scores = 'scoresFile' in change ? { scoresFile: file(change.scoresFile) } : change;
    await expect(publishPredictions(flights.lake, toPublish('refused', 'week', scores))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(message) as unknown,
    });
    expect(await flights.lake.findCommit('refused')).toBeUndefined();
    expect(await readdir(stagingFolder(flights.lake.dataFolder, 'refused'))).toEqual([]);
  });

  it('exports a window whole, sorted, as CSV or Parquet', async () => {
    const { rows } = await publishPredictions(flights.lake, toPublish('export', 'week', { version: 5 }));
    const window = { project: 'flights-delay', version: 5, ...WEEK, key: ['_file', '_row'] };
    const csv = join(flights.folder, 'exports', 'week.csv');
    expect(await exportPredictions(flights.lake, window, csv, 'csv')).toBe(rows);
    const lines = (await readFile(csv, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(rows + 1);
    expect(lines[0]).toMatch(/^_file,_row,event_time,.*score,model,model_version/);
    const parquet = join(flights.folder, 'exports', 'week.parquet');
    await exportPredictions(flights.lake, window, parquet, 'parquet');
    expect(
      await flights.rows(`SELECT count(*)::INTEGER AS n FROM (FROM '${parquet}' EXCEPT ALL FROM ${TABLE})`),
    ).toEqual([{ n: 0 }]);
    expect(await readdir(join(flights.folder, 'exports'))).toEqual(['week.csv', 'week.parquet']);
    await expect(exportPredictions(flights.lake, { ...window, version: 99 }, csv, 'csv')).rejects.toMatchObject({
      type: 'EmptyDataset',
      message: expect.stringMatching(/no predictions of version 99 from 2001-02-05/) as unknown,
    });
  });

  it('joins the labels that are known at the as-of, and no later one', async () => {
    const { rows } = await publishPredictions(flights.lake, toPublish('labels', 'week', { version: 6 }));
    const asOf = '2001-02-08T12:00:00.000Z';
    const request = { ...at(), ...WEEK, version: 6 };
    const landed = (instant: string): Promise<Record<string, unknown>[]> =>
      flights.rows(
        `SELECT count(*)::INTEGER AS labelled, count(*) FILTER (delay > 15)::INTEGER AS late FROM '${flights.sourceFile}'
         WHERE date >= '2001-02-05' AND date < '2001-02-12' AND date + to_minutes(greatest(1, 30 + distance // 8 + delay)) <= '${instant}'`,
      );
    for (const [instant, expected] of [
      [SLICE_UNTIL, await landed('2001-02-20')],
      [asOf, await landed('2001-02-08 12:00:00')],
    ] as const) {
      const found = await flights.lake.work(async (c) => {
        const counted = await predictionsWithLabels(c, flights.bundle, { ...request, asOf: instant });
        const sums = await c.runAndReadAll(
          'SELECT count(label)::INTEGER AS labelled, sum(label)::INTEGER AS late FROM predictions',
        );
        expect(counted).toEqual({ rows, labelled: expected[0]?.['labelled'] });
        return sums.getRowObjectsJson();
      });
      expect(found).toEqual(expected);
    }
  });

  it('reads the predictions at the snapshot that is asked for', async () => {
    const first = await publishPredictions(flights.lake, toPublish('pinned-1', 'week', { version: 7 }));
    await flights.rows(
      `COPY (SELECT 0.75::FLOAT AS score FROM '${file('week')}') TO '${file('pinned')}' (FORMAT parquet)`,
    );
    const change = { version: 7, scoresFile: file('pinned') };
    const second = await publishPredictions(flights.lake, toPublish('pinned-2', 'week', change));
    const meanAt = (predictionsSnapshot: number): Promise<unknown> =>
      flights.lake.work(async (c) => {
        await predictionsWithLabels(c, flights.bundle, { ...at(), ...WEEK, version: 7, predictionsSnapshot });
        return (await c.runAndReadAll('SELECT round(avg(score), 2) FROM predictions')).getRowsJson()[0]?.[0];
      });
    expect(await meanAt(first.snapshot)).toBe(0.25);
    expect(await meanAt(second.snapshot)).toBe(0.75);
  });

  it('gives an empty table for a version that scored nothing', async () => {
    const counted = await flights.lake.work((c) =>
      predictionsWithLabels(c, flights.bundle, { ...at(), ...WEEK, version: 77 }),
    );
    expect(counted).toEqual({ rows: 0, labelled: 0 });
  });
});
