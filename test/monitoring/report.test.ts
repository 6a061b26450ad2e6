import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { monitorSchema } from '../../contracts/schemas/project.ts';
import { buildBaselineProfile, type BaselineProfile } from '../../monitoring/baseline-profile.ts';
import { DRIFT_METRIC_COLUMNS, PROFILE_METRIC_COLUMNS, type MetricColumn } from '../../monitoring/metric-tables.ts';
import { monitorWindow, type MonitorReport } from '../../monitoring/report.ts';
import { FLIGHT_FEATURES, openFlights, type FlightsDatabase } from './flights-fixture.ts';

// The column names of Databricks' metric tables, in order.
const DATABRICKS_PROFILE =
  'window log_type logging_table_commit_version monitor_version granularity slice_key slice_value column_name count data_type num_nulls avg quantiles min max stddev num_zeros num_nan min_length max_length avg_length non_null_columns frequent_items median distinct_count percent_nan percent_null percent_zeros percent_distinct';
const DATABRICKS_DRIFT =
  'window granularity monitor_version slice_key slice_value column_name data_type window_cmp drift_type count_delta avg_delta percent_null_delta percent_zeros_delta percent_distinct_delta non_null_columns_delta js_distance ks_test wasserstein_distance population_stability_index chi_squared_test tv_distance l_infinity_distance';

const DEFINITION = monitorSchema.parse({ window: '7d' });
const WEEK = { from: '2001-02-02T00:00:00.000Z', until: '2001-02-09T00:00:00.000Z' };

let db: FlightsDatabase;
let baseline: BaselineProfile;

beforeAll(async () => {
  db = await openFlights();
  baseline = await buildBaselineProfile(db.query, {
    relation: "(SELECT * FROM flights WHERE event_time < TIMESTAMP '2001-01-20')",
    features: FLIGHT_FEATURES,
    scoresRelation:
      "(SELECT * FROM flights WHERE event_time BETWEEN TIMESTAMP '2001-01-20' AND TIMESTAMP '2001-02-01')",
    quality: { metric: 'auc', value: 0.6, lower: 0.58, upper: 0.62 },
  });
});
afterAll(() => db.close());

function monitor(changes: Partial<Parameters<typeof monitorWindow>[1]> = {}): Promise<MonitorReport> {
  return monitorWindow(db.query, {
    ...{ relation: 'flights', baseline, definition: DEFINITION, window: WEEK, asOf: '2001-02-12T00:00:00.000Z' },
    ...{ model: 'flights-delay', modelVersion: 4, snapshot: 17 },
    ...changes,
  });
}

describe('monitorWindow', () => {
  it('finds a week like the ones before healthy', async () => {
    const report = await monitor();
    expect(report).toMatchObject({ verdict: 'healthy', coveredDays: 7, labelledShare: 1, driftedColumns: [] });
    const [counted] = await db.query(
      `SELECT count(*)::DOUBLE AS rows, avg(label) AS late FROM flights WHERE event_time >= TIMESTAMP '2001-02-02' AND event_time < TIMESTAMP '2001-02-09'`,
    );
    expect(report.rows).toBe(counted?.['rows']);
    expect(report.labelMean).toBeCloseTo(counted?.['late'] as number, 12);
    expect(report.driftScore).toBe(Math.max(...report.drift.map(({ psi }) => psi)));
    expect(report.drift.map(({ column }) => column)).toEqual([...FLIGHT_FEATURES, 'score']);
  });

  it('computes the AUC of the labelled rows, by all pairs, to the width of a score bin', async () => {
    const { quality } = await monitor();
    const [pairs] = await db.query(
      `WITH week AS (SELECT * FROM flights WHERE event_time >= TIMESTAMP '2001-02-02' AND event_time < TIMESTAMP '2001-02-09')
       SELECT avg(CASE WHEN p.score > n.score THEN 1 WHEN p.score = n.score THEN 0.5 ELSE 0 END) AS auc
       FROM week AS p, week AS n WHERE p.label = 1 AND n.label = 0`,
    );
    expect(quality?.value).toBeCloseTo(pairs?.['auc'] as number, 4);
    expect(quality?.lower).toBeLessThan(quality?.value ?? 0);
  });

  it('names the column that moved, and keeps to alerting over it', async () => {
    const moved = '(SELECT * REPLACE (distance * 2 AS distance) FROM flights)';
    const report = await monitor({ relation: moved });
    expect(report.verdict).toBe('drifted');
    expect(report.driftedColumns).toEqual(['distance']);
    expect(report.reasons[0]).toMatch(/^distance drifted: PSI/);
    const [distance] = report.drift;
    const mean = baseline.features[0]?.avg ?? Number.NaN;
    // Twice the distance moves the mean by itself; within bins nothing is seen of it.
    expect((distance?.wasserstein ?? 0) / mean).toBeGreaterThan(0.8);
    expect((distance?.wasserstein ?? 0) / mean).toBeLessThan(1.1);
  });

  it('is degraded where the scores say nothing any more', async () => {
    const blind = '(SELECT * REPLACE ((hash(event_time, distance) % 1000) / 1000 AS score) FROM flights)';
    const report = await monitor({ relation: blind });
    expect(report.verdict).toBe('degraded');
    expect(report.quality?.upper).toBeLessThan(0.59);
  });

  it('waits for labels', async () => {
    const window = { from: '2001-02-05T00:00:00.000Z', until: '2001-02-12T00:00:00.000Z' };
    const report = await monitor({ window });
    expect(report.verdict).toBe('insufficient-data');
    expect(report.labelledShare).toBeLessThan(0.8);
    expect(report.reasons[0]).toMatch(/Labels are known for/);
  });

  it('judges no week of which a day has no rows, and counts a day with one', async () => {
    const without = (kept: string): string =>
      `(SELECT * FROM flights WHERE event_time::DATE <> DATE '2001-02-05' OR event_time = (${kept}))`;
    const gap = await monitor({ relation: without('SELECT NULL::TIMESTAMP') });
    expect(gap).toMatchObject({ verdict: 'insufficient-data', coveredDays: 6 });
    expect(gap.reasons).toContain("The rows cover 6 of the 7 days that the project's monitor asks for.");
    const one = "SELECT min(event_time) FROM flights WHERE event_time >= TIMESTAMP '2001-02-05'";
    // It is judged then: a Monday as good as missing moves the day of the week.
    const judged = await monitor({ relation: without(one) });
    expect(judged).toMatchObject({ verdict: 'drifted', coveredDays: 7, driftedColumns: ['day_of_week'] });
  });

  it('answers an empty window', async () => {
    const window = { from: '2002-02-02T00:00:00.000Z', until: '2002-02-09T00:00:00.000Z' };
    const report = await monitor({ window, asOf: '2002-03-01T00:00:00.000Z' });
    expect(report).toMatchObject({
      rows: 0,
      coveredDays: 0,
      labelledShare: 0,
      labelMean: null,
      quality: null,
      driftScore: null,
    });
    expect(report).toMatchObject({ verdict: 'insufficient-data', drift: [] });
    expect(report.metricRows.drift).toHaveLength(1);
  });

  it('gives the same report again, below 60 kB with 24 features', async () => {
    const features = Array.from({ length: 24 }, (_, i) => `some_feature_view.feature_with_a_long_name_${i}`);
    const made = features.map((name, i) => `distance * ${i + 1} + hour(event_time) AS "${name}"`).join(', ');
    const relation = `(SELECT event_time, score, label, ${made} FROM flights)`;
    const wide = await buildBaselineProfile(db.query, {
      ...{ relation, features, scoresRelation: 'flights', quality: baseline.quality },
    });
    const report = await monitor({ relation, baseline: wide });
    expect(JSON.stringify(report).length).toBeLessThan(60_000);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(await monitor({ relation, baseline: wide })).toEqual(report);
  });
});

describe('metric rows', () => {
  const names = (columns: readonly MetricColumn[]): string => columns.map(({ name }) => name).join(' ');

  it('begin with the columns of Databricks, by name and order', () => {
    expect(names(PROFILE_METRIC_COLUMNS).startsWith(`${DATABRICKS_PROFILE} `)).toBe(true);
    expect(names(DRIFT_METRIC_COLUMNS).startsWith(`${DATABRICKS_DRIFT} `)).toBe(true);
  });

  it('fit their columns', async () => {
    const { metricRows, drift } = await monitor();
    const tables = [
      { table: 'profile', columns: PROFILE_METRIC_COLUMNS, rows: metricRows.profile },
      { table: 'drift', columns: DRIFT_METRIC_COLUMNS, rows: metricRows.drift },
    ];
    for (const { table, columns, rows } of tables) {
      const types = columns.map(({ name, type }) => `"${name}" ${type}`).join(', ');
      await db.query(`CREATE TABLE ${table} (${types})`);
      const structure = JSON.stringify(Object.fromEntries(columns.map(({ name, type }) => [name, type])));
      for (const row of rows) {
        expect(columns.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(row)));
        const [json, shape] = [row, structure].map((value) =>
          (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll("'", "''"),
        );
        await db.query(`INSERT INTO ${table} SELECT unnest(from_json('${json}'::JSON, '${shape}'))`);
      }
    }
    const [whole] = await db.query(
      `SELECT "window"."end"::VARCHAR AS until, count::DOUBLE AS rows, percent_labelled, model_version::INTEGER AS version FROM profile WHERE column_name = ':table'`,
    );
    expect(whole).toMatchObject({ until: '2001-02-09 00:00:00', percent_labelled: 100, version: 4 });
    const stored = await db.query(
      `SELECT population_stability_index AS psi, ks_test.statistic AS ks, drifted FROM drift WHERE column_name <> ':table'`,
    );
    expect(stored).toEqual(
      drift.map(({ psi, ks, drifted }) => ({
        psi: Number(psi.toPrecision(6)),
        ks: Number(ks?.statistic.toPrecision(6)),
        drifted,
      })),
    );
  });
});
