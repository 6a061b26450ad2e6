import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAsOfViews } from '../../lakehouse/as-of.ts';
import { type Bench, COMPARABLE, openBench, refresh, smallProject } from './synthetic-project.ts';

const THEN = '2001-01-04T12:00:00.000Z';
const NOW = '2001-01-09T00:00:00.000Z';

describe('as-of views', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
  });
  afterEach(() => bench.close());

  const viewsEqual = (asOf: string, snapshot: number, against: number): Promise<Record<string, unknown>> => {
    const bundle = smallProject(bench.folder);
    return bench.lake.work(async (c) => {
      await createAsOfViews(c, bundle, { snapshot, asOf, refreshedAsOf: NOW });
      const differing: Record<string, unknown> = {};
      for (const table of Object.keys(COMPARABLE).filter((t) => !t.endsWith('_quarantine'))) {
        const stored = `FROM lake.${table} AT (VERSION => ${against})`;
        const found = await c.runAndReadAll(
          `SELECT (SELECT count(*) FROM (FROM ${table} EXCEPT ALL ${stored})) + (SELECT count(*) FROM (${stored} EXCEPT ALL FROM ${table}))`,
        );
        differing[table] = Number(found.getRows()[0]?.[0]);
      }
      return differing;
    });
  };
  const nothing = Object.fromEntries(
    Object.keys(COMPARABLE)
      .filter((t) => !t.endsWith('_quarantine'))
      .map((t) => [t, 0]),
  );

  it('show, at a past instant, exactly what a refresh at that instant had', async () => {
    const bundle = smallProject(bench.folder);
    const then = await refresh(bench, bundle, THEN);
    const now = await refresh(bench, bundle, NOW);
    expect(await viewsEqual(THEN, now.published.snapshot, then.published.snapshot)).toEqual(nothing);
  });

  it('show, at the refresh’s own instant, the lake at the snapshot, whatever came after', async () => {
    const bundle = smallProject(bench.folder);
    const { published } = await refresh(bench, bundle, NOW);
    await refresh(bench, bundle, '2001-01-12T00:00:00.000Z');
    expect(await viewsEqual(NOW, published.snapshot, published.snapshot)).toEqual(nothing);
  });

  it('hide rows that had not happened and values that had not arrived', async () => {
    const bundle = smallProject(bench.folder);
    const { published } = await refresh(bench, bundle, NOW);
    const found = await bench.lake.work(async (c) => {
      await createAsOfViews(c, bundle, { snapshot: published.snapshot, asOf: THEN, refreshedAsOf: NOW });
      const read = await c.runAndReadAll(
        `SELECT max(dep) <= TIMESTAMP '2001-01-04 12:00', max(delay_known_at) <= TIMESTAMP '2001-01-04 12:00',
           count(*) FILTER (delay IS NOT NULL AND delay_known_at IS NULL)::INTEGER, (SELECT max(known_at) <= TIMESTAMP '2001-01-04 12:00' FROM gold.origin_hour)
         FROM silver.flights`,
      );
      return read.getRows()[0];
    });
    expect(found).toEqual([true, true, 0, true]);
  });

  it('refuse an instant before the data, and a table that no refresh has made', async () => {
    const { published } = await refresh(bench, smallProject(bench.folder), NOW);
    const at = (asOf: string, bundle = smallProject(bench.folder)): Promise<void> =>
      bench.lake.work((c) => createAsOfViews(c, bundle, { snapshot: published.snapshot, asOf, refreshedAsOf: NOW }));
    await expect(at('2000-06-01T00:00:00.000Z')).rejects.toMatchObject({
      type: 'EmptyDataset',
      message: expect.stringContaining('the first row happened at 2001-01-01T00:00:00.000Z') as string,
    });
    const bundle = smallProject(bench.folder);
    const view = bundle.definition.feature_views['origin_hour'];
    if (view === undefined) throw new Error('the small project has the view origin_hour');
    const more = {
      ...bundle,
      definition: { ...bundle.definition, feature_views: { ...bundle.definition.feature_views, brand_new: view } },
    };
    await expect(at(NOW, more)).rejects.toMatchObject({ type: 'StaleFeatures' });
  });
});
