import { readdir, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptRefresh } from '../../lakehouse/adopt-refresh.ts';
import { stageTable } from '../../lakehouse/stage-table.ts';
import { stagingFolder } from '../../lakehouse/staging.ts';
import {
  type Bench,
  COMPARABLE,
  difference,
  FLIGHTS,
  openBench,
  planFor,
  refresh,
  rows,
  smallProject,
  stageAll,
} from './synthetic-project.ts';

const at = (day: number, minute = 0): string => new Date(Date.UTC(2001, 0, day, 0, minute)).toISOString();

describe('a refresh', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
  });
  afterEach(() => bench.close());

  it('gives the same rows in increments as in one full rebuild, wherever the cuts are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 300, max: 14_500 }), { minLength: 2, maxLength: 4 }),
        async (minutes) => {
          const own = await openBench();
          try {
            const bundle = smallProject(own.folder);
            const cuts = minutes.sort((a, b) => a - b).map((minute) => at(1, minute));
            let snapshot = 0;
            for (const cut of cuts) snapshot = (await refresh(own, bundle, cut)).published.snapshot;
            const full = await refresh(own, bundle, cuts.at(-1) as string, true);
            for (const [table, columns] of Object.entries(COMPARABLE)) {
              const version = (n: number): string => `SELECT ${columns} FROM lake.${table} AT (VERSION => ${n})`;
              expect(await difference(own.lake, version(snapshot), version(full.published.snapshot)), table).toBe(0);
            }
          } finally {
            await own.close();
          }
        },
      ),
      // A smaller counterexample is not worth minutes: the cuts say all.
      { numRuns: 3, endOnFailure: true },
    );
  });

  it('takes in what happened and what surfaced, and nothing later', async () => {
    const bundle = smallProject(bench.folder);
    const first = await refresh(bench, bundle, at(4));
    expect(first.plan).toMatchObject({ outcome: 'refresh', base: null, full: false, surfacedRows: 0 });
    expect(first.plan.tables.slice(0, 2)).toEqual(['bronze.flights', 'silver.flights']);
    expect(first.plan.tables.indexOf('gold.busy_hours')).toBeGreaterThan(first.plan.tables.indexOf('gold.origin_hour'));
    const second = await refresh(bench, bundle, at(6));
    expect(second.plan.surfacedRows).toBeGreaterThan(0);
    expect(second.staged[0]?.rows).toBe(second.plan.newRows + second.plan.surfacedRows);
    const [found] = await rows(
      bench.lake,
      `SELECT count(*) AS n, count(DISTINCT _row) AS different, max(dep) <= TIMESTAMP '2001-01-06' AS past,
         bool_and(delay IS NULL OR delay_known_at <= TIMESTAMP '2001-01-06') AS known,
         count(*) FILTER (delay_known_at IS NULL) AS airborne FROM lake.bronze.flights`,
    );
    const [truth] = await rows(
      bench.lake,
      `SELECT count(*) AS n FROM (${FLIGHTS}) WHERE dep <= TIMESTAMP '2001-01-06'`,
    );
    expect(found).toMatchObject({ n: truth?.['n'], different: truth?.['n'], past: true, known: true });
    expect(found?.['airborne']).toBeGreaterThan(0);
    for (const { table, total } of second.published.tables) {
      expect((await rows(bench.lake, `SELECT count(*) AS n FROM lake.${table}`))[0]?.['n'], table).toBe(total);
    }
    const [comment] = await rows(
      bench.lake,
      `SELECT comment FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'silver' AND table_name = 'flights'`,
    );
    expect(comment?.['comment']).toBe("Flights that can be believed; the data team's own");
  });

  it('answers no-new-data, an earlier as-of and one before the data, each in its way', async () => {
    const bundle = smallProject(bench.folder);
    await expect(planFor(bench, bundle, '2000-12-31T00:00:00.000Z')).rejects.toMatchObject({
      type: 'EmptyDataset',
      message: expect.stringContaining('2001-01-01T00:00:00.000Z') as string,
    });
    await refresh(bench, bundle, at(20));
    expect((await planFor(bench, bundle, at(20))).outcome).toBe('no-new-data');
    expect((await planFor(bench, bundle, at(25))).outcome).toBe('no-new-data');
    expect((await planFor(bench, bundle, at(19))).outcome).toBe('no-new-data');
    await expect(planFor(bench, bundle, '2000-12-31T00:00:00.000Z')).rejects.toMatchObject({ type: 'EmptyDataset' });
    const back = await refresh(bench, bundle, at(5), true);
    const again = await refresh(bench, bundle, at(20));
    expect(again.published.snapshot).toBeGreaterThan(back.published.snapshot);
  });

  it('publishes all tables in one snapshot, once', async () => {
    const bundle = smallProject(bench.folder);
    const reader = await bench.openAgain();
    const plan = await planFor(bench, bundle, at(5));
    const staged = await stageAll(bench, bundle, plan);
    expect(
      await rows(
        reader,
        `SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name IN ('bronze', 'silver')`,
      ),
    ).toEqual([]);
    const published = await adoptRefresh(bench.lake, bundle, plan, staged);
    expect(await adoptRefresh(reader, bundle, plan, staged)).toEqual(published);
    const snapshots = await rows(
      reader,
      'SELECT DISTINCT snapshot_id AS n FROM (SELECT snapshot_id FROM lake.bronze.flights UNION ALL SELECT snapshot_id FROM lake.gold.busy_hours UNION ALL SELECT snapshot_id FROM lake.gold.expectation_results)',
    );
    expect(snapshots).toEqual([{ n: published.snapshot }]);
    expect((await reader.published(bundle.definition.project))?.snapshot).toBe(published.snapshot);
    expect(published.tables.map((t) => t.table)).toEqual(plan.tables);
  });

  it('lets a zombie that stages or adopts after all was published change nothing', async () => {
    const bundle = smallProject(bench.folder);
    const { plan, staged, published } = await refresh(bench, bundle, at(5));
    await refresh(bench, bundle, at(6));
    const before = await rows(bench.lake, 'SELECT count(*) AS n, sum(delay) AS s FROM lake.silver.flights');
    const zombie = await bench.openAgain();
    const late = await stageTable(zombie, bundle, plan, 'bronze.flights', []);
    expect(late).toEqual(staged[0]);
    await stageTable(zombie, bundle, plan, 'silver.flights', [late]);
    expect((await adoptRefresh(zombie, bundle, plan, staged)).snapshot).toBe(published.snapshot);
    expect(await rows(bench.lake, 'SELECT count(*) AS n, sum(delay) AS s FROM lake.silver.flights')).toEqual(before);
  });

  it('refuses to publish over another refresh', async () => {
    const bundle = smallProject(bench.folder);
    await refresh(bench, bundle, at(3));
    const slow = await planFor(bench, bundle, at(5));
    const staged = await stageAll(bench, bundle, slow);
    await refresh(bench, bundle, at(4));
    await expect(adoptRefresh(bench.lake, bundle, slow, staged)).rejects.toMatchObject({ type: 'IllegalTransition' });
    expect(
      await rows(bench.lake, "SELECT max(dep) < TIMESTAMP '2001-01-04 00:01' AS ok FROM lake.silver.flights"),
    ).toEqual([{ ok: true }]);
  });

  it('leaves no files of killed tries beside the adopted ones', async () => {
    const bundle = smallProject(bench.folder);
    const plan = await planFor(bench, bundle, at(5));
    const staged = await stageAll(bench, bundle, plan);
    const folder = stagingFolder(bench.lake.dataFolder, plan.key);
    await writeFile(`${folder}/silver.flights-killed.parquet`, 'half');
    await adoptRefresh(bench.lake, bundle, plan, staged);
    const left = (await readdir(folder)).filter((file) => file.endsWith('.parquet'));
    expect(left).toHaveLength(plan.tables.length + 1);
    expect(left).not.toContain('silver.flights-killed.parquet');
  });

  it('rebuilds by itself when the tables are defined anew, and drops those no longer declared', async () => {
    const bundle = smallProject(bench.folder);
    await refresh(bench, bundle, at(5));
    const files = {
      'silver/days.sql': "SELECT date_trunc('day', dep) AS day, count(*) AS flights FROM silver.flights GROUP BY 1",
    };
    const other = smallProject(bench.folder, { files, expectations: [] });
    const { plan } = await refresh(bench, other, at(5));
    expect(plan).toMatchObject({ outcome: 'refresh', full: true });
    const columns = await rows(bench.lake, 'DESCRIBE lake.silver.days');
    expect(columns.map((c) => c['column_name'])).toEqual(['day', 'flights']);
    expect(await rows(bench.lake, `SELECT 1 FROM duckdb_tables() WHERE table_name = 'flights_quarantine'`)).toEqual([]);
  });

  it('refuses tables that another project fills', async () => {
    await refresh(bench, smallProject(bench.folder), at(5));
    await expect(planFor(bench, smallProject(bench.folder, { project: 'other-flights' }), at(5))).rejects.toMatchObject(
      {
        type: 'InvalidProject',
        message: expect.stringContaining('small-flights') as string,
      },
    );
  });

  it('stops staging on abort with the reason, and leaves nothing', async () => {
    const bundle = smallProject(bench.folder, {
      files: {
        'silver/flights.sql': 'SELECT f.* FROM bronze.flights f, range(100000000) r WHERE hash(r.range + f._row) = 1',
      },
    });
    const plan = await planFor(bench, bundle, at(5));
    const bronze = await stageTable(bench.lake, bundle, plan, 'bronze.flights', []);
    const cancel = new AbortController();
    const staging = stageTable(bench.lake, bundle, plan, 'silver.flights', [bronze], cancel.signal);
    setTimeout(() => cancel.abort(new Error('cancelled')), 200);
    await expect(staging).rejects.toThrow('cancelled');
    const files = await readdir(stagingFolder(bench.lake.dataFolder, plan.key));
    expect(files.filter((file) => file.startsWith('silver'))).toEqual([]);
  });
});
