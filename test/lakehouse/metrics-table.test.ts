import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Lake, openLake } from '../../lakehouse/lake.ts';
import { appendMetrics, type MetricsToAppend } from '../../lakehouse/metrics-table.ts';
import { nativeParts } from '../support/native-parts.ts';

const METRICS: MetricsToAppend = {
  key: 'monitor/flights/1',
  project: 'flights-delay',
  asOf: '2001-05-01T00:00:00Z',
  table: 'gold.drift_metrics',
  columns: [
    { name: 'window', type: 'STRUCT("start" TIMESTAMP, "end" TIMESTAMP)' },
    { name: 'column_name', type: 'VARCHAR' },
    { name: 'psi', type: 'DOUBLE' },
    { name: 'frequent_items', type: 'STRUCT(item VARCHAR, "count" BIGINT)[]' },
  ],
  rows: [
    {
      window: { start: '2001-04-23T00:00:00.000Z', end: '2001-04-30T00:00:00Z' },
      column_name: "it's",
      psi: 0.25,
      frequent_items: [{ item: 'SFO', count: 3 }],
    },
    { column_name: 'hour', frequent_items: [] },
  ],
};

describe('appendMetrics', () => {
  let folder: string;
  let lake: Lake;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'metrics-table-'));
    lake = await openLake({
      catalogFile: join(folder, 'catalog.sqlite'),
      dataFolder: join(folder, 'data'),
      scratchFolder: join(folder, 'scratch'),
      extensionsFolder: nativeParts().duckdbExtensions,
      threads: 1,
      memoryLimit: '256MB',
    });
  });
  afterEach(async () => {
    await lake.close();
    await rm(folder, { recursive: true, force: true });
  });

  const rows = (sql: string): Promise<unknown[]> =>
    lake.work(async (c) => (await c.runAndReadAll(sql)).getRowObjectsJson());

  it('makes the table and keeps nested values, instants and NULLs', async () => {
    const record = await appendMetrics(lake, METRICS);
    expect(record).toMatchObject({ kind: 'metrics', details: { table: 'gold.drift_metrics', rows: 2 } });
    expect(await rows('FROM lake.gold.drift_metrics ORDER BY psi')).toEqual([
      {
        window: { start: '2001-04-23 00:00:00', end: '2001-04-30 00:00:00' },
        column_name: "it's",
        psi: 0.25,
        frequent_items: [{ item: 'SFO', count: '3' }],
      },
      { window: null, column_name: 'hour', psi: null, frequent_items: [] },
    ]);
    expect((await readdir(join(folder, 'scratch'))).filter((name) => name.startsWith('metrics-'))).toEqual([]);
  });

  it('adds nothing when the key is committed already', async () => {
    const first = await appendMetrics(lake, METRICS);
    expect(await appendMetrics(lake, METRICS)).toEqual(first);
    const both = { ...METRICS, key: 'monitor/flights/2' };
    const [a, b] = await Promise.all([appendMetrics(lake, both), appendMetrics(lake, both)]);
    expect(a).toEqual(b);
    expect(await rows('SELECT count(*)::INTEGER AS n FROM lake.gold.drift_metrics')).toEqual([{ n: 4 }]);
  });

  it('adds a new column, which older rows do not have', async () => {
    await appendMetrics(lake, METRICS);
    await appendMetrics(lake, {
      ...METRICS,
      key: 'monitor/flights/2',
      columns: [...METRICS.columns, { name: 'js', type: 'DOUBLE' }],
      rows: [{ column_name: 'hour', js: 0.5 }],
    });
    expect(await rows('SELECT count(*)::INTEGER AS n, sum(js) AS js FROM lake.gold.drift_metrics')).toEqual([
      { n: 3, js: 0.5 },
    ]);
  });

  it('commits a key without rows', async () => {
    const record = await appendMetrics(lake, { ...METRICS, rows: [] });
    expect(await lake.findCommit(METRICS.key)).toEqual(record);
    expect(await rows('FROM lake.gold.drift_metrics')).toEqual([]);
  });

  it.each([
    ['a value of another type', { rows: [{ psi: 'much' }] }, /does not fit/],
    ['an undeclared column', { rows: [{ ksi: 1 }] }, /the column ksi, expected only window, column_name/],
    ['a table outside gold', { table: 'silver.flights' }, /gold.drift_metrics/],
  ])('refuses %s and changes nothing', async (_, change, message) => {
    await expect(appendMetrics(lake, { ...METRICS, ...change })).rejects.toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringMatching(message) as unknown,
    });
    expect(await lake.findCommit(METRICS.key)).toBeUndefined();
  });

  it('refuses another type for a column that the table has', async () => {
    await appendMetrics(lake, METRICS);
    const columns = METRICS.columns.map((column) =>
      column.name === 'psi' ? { name: 'psi', type: 'VARCHAR' } : column,
    );
    await expect(appendMetrics(lake, { ...METRICS, key: 'other', columns })).rejects.toThrow(
      /the column psi is DOUBLE, expected VARCHAR/,
    );
  });
});
