import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PinnedBundle } from '../../contracts/pinned-bundle.ts';
import { buildDataset, type DatasetRequest } from '../../lakehouse/dataset.ts';
import { type FlightsLake, flightsLake, SLICE_UNTIL, withFiles, withTraining } from './flights-lake.ts';

const EARLIER = '2001-02-05T12:00:00.000Z';

/** What a feature view of the example says, in the words of this test: its rule, not its SQL. */
interface ViewRule {
  readonly view: string;
  readonly keys: readonly string[];
  readonly unit: 'day' | 'hour';
  /** In units: how far the long and the short window and the ttl reach back. */
  readonly long: number;
  readonly short: number;
  readonly ttl: number;
  /** Columns: late share of both windows, mean delay of the short one, number of flights of `counted` units. */
  readonly columns: readonly [string, string, string, string];
  readonly counted: number;
}

const HOURLY = {
  unit: 'hour',
  long: 24,
  short: 6,
  ttl: 24,
  columns: ['late_rate_24h', 'late_rate_6h', 'mean_delay_6h', 'flights_24h'],
  counted: 24,
} as const;

const VIEWS: readonly ViewRule[] = [
  {
    view: 'route_history',
    keys: ['origin', 'destination'],
    unit: 'day',
    long: 28,
    short: 7,
    ttl: 14,
    columns: ['late_rate_28d', 'late_rate_7d', 'mean_delay_7d', 'flights_7d'],
    counted: 7,
  },
  { view: 'airport_hour', keys: ['origin'], ...HOURLY },
  { view: 'destination_hour', keys: ['destination'], ...HOURLY },
];

/**
 * Rows of 300 sampled ones whose features differ from this: of the full days or hours before the row the newest with a
 * landing in its long window, within the ttl; over raw flights that had landed by then.
 */
function bruteForceDifferences(rule: ViewRule, dataset: string, source: string): string {
  const { view, keys, unit, long, short, ttl, columns, counted } = rule;
  const within = (units: number): string => `FILTER (f.landed > m.moment - to_${unit}s(${units}))`;
  const own = [
    `avg((f.delay > 15)::INTEGER) ${within(long)}`,
    `avg((f.delay > 15)::INTEGER) ${within(short)}`,
    `avg(f.delay) ${within(short)}`,
    `count(*) ${within(counted)}`,
  ];
  const differing = columns.map((column) => `n.${column} IS DISTINCT FROM s."${view}.${column}"`);
  return `WITH sample AS (FROM '${dataset}' ORDER BY hash(_row) LIMIT 300),
    landings AS (SELECT *, date + to_minutes(greatest(1, 30 + distance // 8 + delay)) AS landed FROM '${source}'),
    moments AS (
      SELECT _row, ${keys.join(', ')}, event_time, date_trunc('${unit}', event_time) - to_${unit}s(back::INTEGER) AS moment
      FROM sample, range(${ttl + 1}) AS backs(back)
    ),
    computed AS (
      SELECT m._row, m.moment, ${own.map((value, i) => `(${value})::FLOAT AS ${columns[i]}`).join(', ')}
      FROM moments AS m JOIN landings AS f ON ${keys.map((key) => `f.${key} = m.${key}`).join(' AND ')}
        AND f.landed <= m.moment AND f.landed > m.moment - to_${unit}s(${long})
      WHERE m.moment >= m.event_time - to_${unit}s(${ttl})
      GROUP BY m._row, m.moment
    ),
    newest AS (SELECT * FROM computed QUALIFY moment = max(moment) OVER (PARTITION BY _row))
    SELECT s._row, s.event_time, n.* FROM sample AS s LEFT JOIN newest AS n USING (_row) WHERE ${differing.join(' OR ')}`;
}

describe('buildDataset', () => {
  let flights: FlightsLake;
  let early: number;
  let late: number;
  beforeAll(async () => {
    flights = await flightsLake();
    early = await flights.refresh(EARLIER);
    late = await flights.refresh(SLICE_UNTIL);
  });
  afterAll(() => flights.remove());

  const file = (name: string): string => join(flights.folder, `${name}.parquet`);
  const request = (name: string, change: Partial<DatasetRequest> = {}): DatasetRequest => ({
    snapshot: late,
    refreshedAsOf: SLICE_UNTIL,
    asOf: SLICE_UNTIL,
    withLabels: true,
    file: file(name),
    ...change,
  });
  const sha256 = async (name: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(file(name)))
      .digest('hex');

  it('gives one row per flight whose delay is known, in the order of time, and says what it holds', async () => {
    const summary = await buildDataset(flights.lake, flights.bundle, request('all'));
    const landed = `FROM (SELECT *, date + to_minutes(greatest(1, 30 + distance // 8 + delay)) AS landed FROM '${flights.sourceFile}')
      WHERE landed <= TIMESTAMP '2001-02-20'`;
    const expected = await flights.rows(
      `SELECT count(*)::INTEGER AS rows, count(*) FILTER (delay > 15)::INTEGER AS positives,
         strftime(min(date), '%Y-%m-%dT%H:%M:00.000Z') AS "from" ${landed}`,
    );
    expect(summary).toMatchObject({
      ...expected[0],
      key: ['_file', '_row'],
      features: flights.bundle.definition.training.features,
      slices: ['origin', 'destination', 'hour', 'minute_of_day', 'day_of_week', 'distance'],
    });
    const columns = await flights.rows(`DESCRIBE FROM '${file('all')}'`);
    expect(columns.map((column) => [column['column_name'], column['column_type']])).toEqual([
      ['_file', 'VARCHAR'],
      ['_row', 'BIGINT'],
      ['event_time', 'TIMESTAMP'],
      ['origin', 'VARCHAR'],
      ['destination', 'VARCHAR'],
      ['late', 'INTEGER'],
      ['label_known_at', 'TIMESTAMP'],
      ...flights.bundle.definition.training.features.map((feature) => [feature, 'FLOAT']),
    ]);
    const disorder = await flights.rows(
      `SELECT count(*)::INTEGER AS n FROM (SELECT (event_time, _file, _row) < lag((event_time, _file, _row)) OVER (ORDER BY file_row_number) AS back
       FROM read_parquet('${file('all')}', file_row_number => true)) WHERE back`,
    );
    expect(disorder).toEqual([{ n: 0 }]);
    expect((await readdir(flights.folder)).filter((name) => name.startsWith('.dataset'))).toEqual([]);
  });

  it('equals a brute-force join on known-at over the raw source: 0 differences', async () => {
    await buildDataset(flights.lake, flights.bundle, request('brute'));
    for (const view of VIEWS) {
      expect(await flights.rows(bruteForceDifferences(view, file('brute'), flights.sourceFile))).toEqual([]);
    }
    // The comparison means something: most look-ups find a row.
    const filled = await flights.rows(
      `SELECT count("route_history.late_rate_7d") > 18000 AS route, count("airport_hour.late_rate_6h") > 15000 AS airport
       FROM '${file('brute')}'`,
    );
    expect(filled).toEqual([{ route: true, airport: true }]);
  });

  it('knows nothing of later refreshes: as of the past, both snapshots give the same bytes', async () => {
    const then = { asOf: EARLIER, refreshedAsOf: EARLIER, snapshot: early };
    const one = await buildDataset(flights.lake, flights.bundle, request('then', then));
    const two = await buildDataset(flights.lake, flights.bundle, request('now', { asOf: EARLIER }));
    expect(two).toEqual(one);
    expect(await sha256('now')).toBe(await sha256('then'));
  });

  it('gives the same bytes again, and the same features for training as for scoring', async () => {
    const window = { from: '2001-02-01T00:00:00Z', until: '2001-02-08T00:00:00Z' };
    await buildDataset(flights.lake, flights.bundle, request('once', window));
    await buildDataset(flights.lake, flights.bundle, request('twice', window));
    expect(await sha256('twice')).toBe(await sha256('once'));
    const scoring = await buildDataset(
      flights.lake,
      flights.bundle,
      request('scoring', { ...window, withLabels: false }),
    );
    expect(scoring.positives).toBe(0);
    const differing = await flights.rows(
      `(SELECT * EXCLUDE (late, label_known_at) FROM '${file('once')}') EXCEPT ALL FROM '${file('scoring')}'`,
    );
    expect(differing).toEqual([]);
    const outside = await flights.rows(
      `SELECT count(*)::INTEGER AS n FROM '${file('scoring')}' WHERE event_time < '2001-02-01' OR event_time >= '2001-02-08'`,
    );
    expect(outside).toEqual([{ n: 0 }]);
  });

  it('scores flights that have not landed, and trains on none of them', async () => {
    const window = { from: '2001-02-05T00:00:00Z', asOf: EARLIER };
    const all = await buildDataset(flights.lake, flights.bundle, request('open', { ...window, withLabels: false }));
    const landed = await buildDataset(flights.lake, flights.bundle, request('landed', window));
    expect(all.rows).toBeGreaterThan(landed.rows);
    expect(
      await flights.rows(`SELECT max(label_known_at) <= '2001-02-05 12:00:00' AS known FROM '${file('landed')}'`),
    ).toEqual([{ known: true }]);
  });

  const spine = 'training/spine.sql';
  const labels = 'training/labels.sql';
  const sql = (name: string): string => flights.bundle.files[name] ?? '';
  const failures: [string, (bundle: PinnedBundle) => PinnedBundle, Partial<DatasetRequest>, string, RegExp][] = [
    [
      'an empty window',
      (b) => b,
      { from: '2001-03-01T00:00:00Z' },
      'EmptyDataset',
      /no row .*from 2001-03-01T00:00:00Z.*as of 2001-02-20/,
    ],
    ['an as-of before the data', (b) => b, { asOf: '2000-12-01T00:00:00.000Z' }, 'EmptyDataset', /2000-12-01/],
    [
      'labels of one class',
      (b) => withFiles(b, { [labels]: sql(labels).replace('(delay > 15)', '(delay > 2000)') }),
      {},
      'EmptyDataset',
      /one class \(late = 0\)/,
    ],
    [
      'labels that are not binary',
      (b) => withFiles(b, { [labels]: sql(labels).replace('(delay > 15)::INTEGER', 'delay') }),
      {},
      'SchemaMismatch',
      /other than 0 and 1/,
    ],
    [
      'doubled keys',
      (b) => withFiles(b, { [spine]: sql(spine).replace('_row,', '_row // 2 AS _row,') }),
      { withLabels: false },
      'SchemaMismatch',
      /training\/spine.sql has the key {.*} more than once/,
    ],
    [
      'the label among the spine’s columns',
      (b) => withFiles(b, { [spine]: sql(spine).replace('distance', 'distance, delay > 15 AS late') }),
      {},
      'SchemaMismatch',
      /column late is the label's/,
    ],
    [
      'a feature that is text',
      (b) => withTraining(b, { features: ['origin'] }),
      {},
      'SchemaMismatch',
      /feature origin is VARCHAR/,
    ],
    [
      'a feature that the view does not have',
      (b) => withTraining(b, { features: ['route_history.late_rate_9d'] }),
      {},
      'SchemaMismatch',
      /features\/route_history.sql: the view route_history has no column late_rate_9d; it has origin, destination/,
    ],
    [
      'a feature that the spine does not have',
      (b) => withTraining(b, { features: ['airline'] }),
      {},
      'SchemaMismatch',
      /training\/spine.sql gives no column "airline"/,
    ],
    [
      'a spine without event time',
      (b) => withFiles(b, { [spine]: sql(spine).replace('date AS event_time', 'NULL::TIMESTAMP AS event_time') }),
      {},
      'SchemaMismatch',
      /rows without event_time/,
    ],
    [
      'SQL that fails',
      (b) => withFiles(b, { [spine]: sql(spine).replace('isodow(date)', 'isodow(origin)') }),
      {},
      'QueryFailed',
      /training\/spine.sql/,
    ],
  ];
  it.each(failures)('refuses %s and leaves no file', async (_, change, ask, type, message) => {
    await expect(buildDataset(flights.lake, change(flights.bundle), request('refused', ask))).rejects.toMatchObject({
      type,
      message: expect.stringMatching(message) as unknown,
    });
    expect((await readdir(flights.folder)).filter((name) => /refused|\.dataset/.test(name))).toEqual([]);
  });
});
