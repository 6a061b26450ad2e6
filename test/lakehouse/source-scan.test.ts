import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileLabel } from '../../lakehouse/source-scan.ts';
import { type Bench, openBench, planFor, refresh, rows, smallProject, stageAll } from './synthetic-project.ts';

const END = '2001-02-01T00:00:00.000Z';

describe('sources', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
  });
  afterEach(() => bench.close());

  it('names files the same on every machine', () => {
    expect(fileLabel('npm:vega-datasets/data/f.parquet', '/p', '/n/node_modules/vega-datasets/data/f.parquet')).toBe(
      'f.parquet',
    );
    expect(fileLabel('./data/*/f.csv', '/p', '/p/data/2001/f.csv')).toBe('2001/f.csv');
    expect(fileLabel('*/f.csv', '/p', '/p/2001/f.csv')).toBe('2001/f.csv');
    expect(fileLabel('/abs/f-*.parquet', '/p', '/abs/f-1.parquet')).toBe('f-1.parquet');
  });

  it('numbers the rows of each Parquet file, and of each CSV file in its order', async () => {
    const one = await bench.writeParquet(
      'f-1.parquet',
      "SELECT TIMESTAMP '2001-01-01' AS dep, 'A' AS origin, 100 AS distance, 5 AS delay FROM range(3)",
    );
    const two = await bench.writeParquet(
      'f-2.parquet',
      "SELECT TIMESTAMP '2001-01-02' AS dep, 'B' AS origin, 100 AS distance, 5 AS delay FROM range(2)",
    );
    bench.sourceFiles['flights'] = [one, two];
    await refresh(bench, smallProject(bench.folder, { source: { path: 'f-*.parquet' } }), END);
    const labels = 'SELECT _file, _row FROM lake.bronze.flights ORDER BY ALL';
    expect((await rows(bench.lake, labels)).map((r) => `${String(r['_file'])}#${String(r['_row'])}`)).toEqual([
      'f-1.parquet#0',
      'f-1.parquet#1',
      'f-1.parquet#2',
      'f-2.parquet#0',
      'f-2.parquet#1',
    ]);
    const lines = Array.from({ length: 300 }, (_, i) => `2001-01-01 00:00:00,A,${i},5`);
    bench.sourceFiles['flights'] = [await bench.writeText('f.csv', ['dep,origin,distance,delay', ...lines].join('\n'))];
    await refresh(bench, smallProject(bench.folder, { source: { path: 'f.csv', format: 'csv' } }), END);
    expect(
      await rows(bench.lake, 'SELECT bool_and(_row = distance) AS ok, count(*) AS n FROM lake.bronze.flights'),
    ).toEqual([{ ok: true, n: 300 }]);
  });

  it('says which column a source lacks, and what it has', async () => {
    const project = smallProject(bench.folder, { source: { event_time: 'departed' } });
    await expect(planFor(bench, project, END)).rejects.toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringMatching(
        /source "flights" \(flights\.parquet\).*departed.*dep, origin, distance, delay/,
      ) as string,
    });
    const later = smallProject(bench.folder, { source: { known_later: { delay: 'dep + to_minutes(lateness)' } } });
    await expect(planFor(bench, later, END)).rejects.toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringMatching(/known_later.*lateness/s) as string,
    });
  });

  it('is unavailable when its file is missing or unreadable', async () => {
    const project = smallProject(bench.folder);
    for (const files of [[], [`${bench.folder}/gone.parquet`], [await bench.writeText('bad.parquet', 'no parquet')]]) {
      bench.sourceFiles['flights'] = files;
      await expect(planFor(bench, project, END)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    }
  });

  it('that changes its columns between increments is told to be refreshed in full', async () => {
    const project = smallProject(bench.folder, { files: { 'silver/flights.sql': 'SELECT * FROM bronze.flights' } });
    await refresh(bench, project, '2001-01-04T00:00:00.000Z');
    bench.sourceFiles['flights'] = [
      await bench.writeParquet('wider.parquet', `SELECT *, 1 AS gate FROM '${bench.folder}/flights.parquet'`),
    ];
    const plan = await planFor(bench, project, END);
    await expect(stageAll(bench, project, plan)).rejects.toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringMatching(/bronze\.flights.*gate INTEGER.*full/) as string,
    });
    const { published } = await refresh(bench, project, END, true);
    expect(published.tables[0]?.total).toBe(400);
  });

  it('known at no time at all never shows the value; known too early, with its row', async () => {
    await bench.writeParquet(
      'flights.parquet',
      `SELECT TIMESTAMP '2001-01-02' AS dep, 'A' AS origin, 100 AS distance, d AS delay FROM (VALUES (5), (NULL)) AS t(d)`,
    );
    const project = smallProject(bench.folder, { source: { known_later: { delay: 'dep - to_minutes(delay)' } } });
    await refresh(bench, project, END);
    expect(
      await rows(bench.lake, 'SELECT delay, delay_known_at::VARCHAR AS known FROM lake.bronze.flights ORDER BY _row'),
    ).toEqual([
      { delay: 5, known: '2001-01-02 00:00:00' },
      { delay: null, known: null },
    ]);
  });
});
