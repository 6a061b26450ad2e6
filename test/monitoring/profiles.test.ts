import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBaselineProfile, type BaselineProfile } from '../../monitoring/baseline-profile.ts';
import { cellCount, cellOf, mergeCounts, quantileBins, valueBins, type Bins } from '../../monitoring/binning.ts';
import { profileColumns, quoted } from '../../monitoring/column-profile.ts';
import { baselineColumns, profileWindow } from '../../monitoring/window-profile.ts';
import { FLIGHT_FEATURES, openFlights, type FlightsDatabase } from './flights-fixture.ts';

const QUALITY = { metric: 'auc', value: 0.7, lower: 0.68, upper: 0.72 } as const;
const TRAINING = "(SELECT * FROM flights WHERE event_time < TIMESTAMP '2001-01-20')";
const HELD_OUT = "(SELECT * FROM flights WHERE event_time BETWEEN TIMESTAMP '2001-01-20' AND TIMESTAMP '2001-01-31')";

let db: FlightsDatabase;
let baseline: BaselineProfile;

beforeAll(async () => {
  db = await openFlights();
  baseline = await buildBaselineProfile(db.query, {
    relation: TRAINING,
    features: FLIGHT_FEATURES,
    scoresRelation: HELD_OUT,
    quality: QUALITY,
  });
});
afterAll(() => db.close());

/** A column's values as the JSON reader gives them: numbers, null, or "NaN" and "Infinity". */
async function valuesOf(relation: string, column: string): Promise<(number | null)[]> {
  const rows = await db.query(`SELECT ${quoted(column)}::FLOAT::DOUBLE AS value FROM ${relation} AS relation`);
  return rows.map(({ value }) => (value === null ? null : Number(value)));
}

function countOn(bins: Bins, values: readonly (number | null)[]): number[] {
  const counts = new Array<number>(cellCount(bins)).fill(0);
  for (const value of values) counts[cellOf(bins, value)] = (counts[cellOf(bins, value)] ?? 0) + 1;
  return counts;
}

describe('counting in SQL', () => {
  const float = (value: number): number => Math.fround(value);
  const awkward = [0, -0, 1, 2, 3, float(0.1), float(1e-45), 1e30, -1e30, 2.5, float(2.5000002), -3];

  it.each<[string, Bins]>([
    ['ranges', quantileBins([-1, 0, float(0.1), 1, 2.5, 3])],
    ['ranges from zero', quantileBins([0, 1, 2])],
    ['ranges of neighbouring floats', quantileBins([2.5, float(2.5000002), 3])],
    ['values', valueBins([-3, 0, float(0.1), 2])],
    ['values of neighbouring floats', valueBins([0, float(1e-45), 2.5, float(2.5000002)])],
    ['one value', valueBins([2])],
    ['no value', valueBins([])],
  ])('equals counting one by one, on %s', async (_, bins) => {
    const texts = [...awkward.map((value) => `'${value}'`), "'nan'", "'inf'", "'-inf'", 'NULL', 'NULL'];
    const relation = `(SELECT unnest([${texts.join(', ')}])::FLOAT AS x)`;
    const [profile] = await profileColumns(db.query, relation, [{ column: 'x', bins }]);
    expect(profile?.counts).toEqual(countOn(bins, await valuesOf(relation, 'x')));
    expect(profile).toMatchObject({ count: awkward.length + 3, nulls: 2, nans: 1, zeros: 2, min: float(-1e30) });
  });

  it('gives zeros for no rows', async () => {
    const bins = [quantileBins([0, 1, 2]), valueBins([1]), valueBins([])];
    const relation = '(SELECT 1::FLOAT AS x WHERE false)';
    const profiles = await profileColumns(
      db.query,
      relation,
      bins.map((bin) => ({ column: 'x', bins: bin })),
    );
    for (const { counts, avg, max } of profiles) {
      expect(counts.every((count) => count === 0)).toBe(true);
      expect([avg, max]).toEqual([null, null]);
    }
  });

  it('takes tables wider than one statement', async () => {
    const names = Array.from({ length: 130 }, (_, i) => `column "${i}"`);
    const relation = `(SELECT ${names.map((name, i) => `${i}::FLOAT AS ${quoted(name)}`).join(', ')})`;
    const bins = valueBins([0, 64, 129]);
    const profiles = await profileColumns(
      db.query,
      relation,
      names.map((column) => ({ column, bins })),
    );
    expect(profiles.map(({ avg }) => avg)).toEqual(names.map((_, i) => i));
  });
});

describe('buildBaselineProfile', () => {
  it('counts all rows of each feature and of the held-out scores, as counting one by one does', async () => {
    expect(baseline.features.map(({ column }) => column)).toEqual(FLIGHT_FEATURES);
    for (const { column, bins, counts } of baseline.features) {
      expect(counts).toEqual(countOn(bins, await valuesOf(TRAINING, column)));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(baseline.rows);
    }
    expect(baseline.score.counts).toEqual(countOn(baseline.score.bins, await valuesOf(HELD_OUT, 'score')));
    expect(baseline.quality).toEqual(QUALITY);
  });

  it('makes bins of about equal size, or one for each of a few values', () => {
    const [distance, , day] = baseline.features;
    expect(distance?.bins.kind).toBe('quantile');
    expect(distance?.bins.edges.length).toBeGreaterThan(45);
    expect(Math.max(...(distance?.counts ?? []))).toBeLessThan((2.5 * baseline.rows) / 50);
    expect(day?.bins).toEqual({ kind: 'values', edges: [0, 1, 2, 3, 4, 5, 6] });
  });

  it('puts each centre inside its bin', () => {
    for (const { bins } of baseline.features) {
      for (const [bin, centre] of (bins.centres ?? []).entries()) {
        expect(centre).toBeGreaterThanOrEqual(bins.edges[bin] ?? Number.NaN);
        expect(centre).toBeLessThanOrEqual(bins.edges[bin + 1] ?? Number.NaN);
      }
    }
  });

  it('is the same for the same rows in another order and another number of threads, sampled or not', async () => {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
    const rows = 'SELECT hash(i)::DOUBLE / 1e19 AS x, (i % 21)::FLOAT AS y, 0.5 AS score FROM range(300000) t(i)';
    const build = (order: string, on: typeof query) =>
      buildBaselineProfile(on, {
        relation: `(${rows} ORDER BY ${order})`,
        features: ['x', 'y'],
        scoresRelation: `(${rows})`,
        quality: QUALITY,
      });
    const first = await build('i', query);
    expect(await build('-i % 1000, i', db.query as typeof query)).toEqual(first);
    // 21 values are one too many for bins of their own; the score is constant.
    expect(first.features.map(({ bins }) => bins.kind)).toEqual(['quantile', 'quantile']);
    expect(first.score.bins).toEqual({ kind: 'values', edges: [0.5] });
    const share = (count: number): number => count / first.rows;
    expect(share(Math.max(...(first.features[0]?.counts ?? [])))).toBeLessThan(0.03);
    connection.closeSync();
    instance.closeSync();
  });

  it('needs rows', async () => {
    const options = { features: FLIGHT_FEATURES, scoresRelation: HELD_OUT, quality: QUALITY };
    const none = '(SELECT * FROM flights WHERE false)';
    await expect(buildBaselineProfile(db.query, { ...options, relation: none })).rejects.toMatchObject({
      type: 'EmptyDataset',
    });
  });
});

describe('profileWindow', () => {
  const until = (day: string): string => `(SELECT * FROM flights WHERE event_time < TIMESTAMP '${day}')`;
  const from = (day: string): string => `(SELECT * FROM flights WHERE event_time >= TIMESTAMP '${day}')`;

  it('counts on the baseline edges; two windows add up to the whole', async () => {
    const [whole, before, after] = await Promise.all(
      ['flights', until('2001-02-03'), from('2001-02-03')].map((part) => profileWindow(db.query, part, baseline)),
    );
    expect((before?.rows ?? 0) + (after?.rows ?? 0)).toBe(whole?.rows);
    for (const [index, { column, counts, bins }] of (whole?.columns ?? []).entries()) {
      expect(mergeCounts(before?.columns[index]?.counts ?? [], after?.columns[index]?.counts ?? [])).toEqual(counts);
      expect(counts).toEqual(countOn(bins, await valuesOf('flights', column)));
    }
  });

  it('tells the facts of each column', async () => {
    const profile = await profileWindow(db.query, 'flights', baseline);
    expect(profile.columns.map(({ column }) => column)).toEqual(baselineColumns(baseline).map(({ column }) => column));
    const values = await valuesOf('flights', 'gappy.root');
    const finite = values.filter((value) => value !== null && Number.isFinite(value)) as number[];
    const sorted = [...finite].sort((a, b) => a - b);
    const gappy = profile.columns[3];
    expect(gappy).toMatchObject({
      nulls: values.filter((value) => value === null).length,
      nans: values.filter((value) => Number.isNaN(value)).length,
      min: sorted[0],
      max: sorted.at(-1),
      median: sorted[Math.ceil(sorted.length / 2) - 1],
    });
    expect(gappy?.avg).toBeCloseTo(finite.reduce((sum, value) => sum + value, 0) / finite.length, 6);
    expect(gappy?.quantiles).toHaveLength(9);
  });
});
