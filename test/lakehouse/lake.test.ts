import type { DuckDBConnection } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LakeCommit } from '../../lakehouse/lake.ts';
import { openLake } from '../../lakehouse/lake.ts';
import { nativeParts } from '../support/native-parts.ts';
import { type Bench, openBench, rows } from './synthetic-project.ts';

function commitOf(key: string, more: Partial<LakeCommit> = {}): LakeCommit {
  return { key, kind: 'metrics', project: 'p', asOf: '2001-01-01T00:00:00.000Z', details: { n: 1 }, ...more };
}

const addRow = async (c: DuckDBConnection): Promise<void> => {
  await c.run('INSERT INTO lake.gold.t VALUES (1)');
};

describe('the lake', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
    await bench.lake.commit(commitOf('make'), async (c) => {
      await c.run('CREATE TABLE lake.gold.t (a INTEGER)');
    });
  });
  afterEach(() => bench.close());

  const rowsOfT = async (): Promise<unknown> =>
    (await rows(bench.lake, 'SELECT count(*) AS n FROM lake.gold.t'))[0]?.['n'];

  it('commits a key once and gives the stored record ever after', async () => {
    const record = await bench.lake.commit(commitOf('k'), addRow);
    expect(record).toEqual({ ...commitOf('k'), snapshot: expect.any(Number) as number });
    expect(await bench.lake.commit(commitOf('k', { details: { n: 2 } }), addRow)).toEqual(record);
    expect(await bench.lake.findCommit('k')).toEqual(record);
    expect(await bench.lake.findCommit('other')).toBeUndefined();
    expect(await rowsOfT()).toBe(1);
    const at = await rows(bench.lake, `SELECT count(*) AS n FROM lake.gold.t AT (VERSION => ${record.snapshot - 1})`);
    expect(at).toEqual([{ n: 0 }]);
  });

  it('commits each key once when two writers race for it', async () => {
    const rival = await bench.openAgain();
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const records = await Promise.all(
      keys.flatMap((key) => [bench.lake, rival].map((lake) => lake.commit(commitOf(key), addRow))),
    );
    expect(await rowsOfT()).toBe(keys.length);
    for (let i = 0; i < records.length; i += 2) expect(records[i]).toEqual(records[i + 1]);
  });

  it('writes nothing when the work fails, not even when the work hides it', async () => {
    const failing = async (c: DuckDBConnection): Promise<void> => {
      await addRow(c);
      throw new Error('no');
    };
    await expect(bench.lake.commit(commitOf('k'), failing)).rejects.toThrow('no');
    const hiding = async (c: DuckDBConnection): Promise<void> => {
      await addRow(c);
      await c.run("SELECT CAST('x' AS INTEGER)").catch(() => undefined);
    };
    await expect(bench.lake.commit(commitOf('k'), hiding)).rejects.toThrow(/aborted/);
    expect(await rowsOfT()).toBe(0);
    expect((await bench.lake.commit(commitOf('k'), addRow)).key).toBe('k');
    expect(await rowsOfT()).toBe(1);
  });

  it('finds the newest refresh of a project, and the newest up to an instant', async () => {
    const commits = [
      commitOf('r1', { kind: 'refresh', asOf: '2001-01-01T00:00:00.000Z' }),
      commitOf('r2', { kind: 'refresh', asOf: '2001-01-03T00:00:00.000Z' }),
      commitOf('m', { asOf: '2001-01-04T00:00:00.000Z' }),
      commitOf('other', { kind: 'refresh', project: 'q', asOf: '2001-01-05T00:00:00.000Z' }),
    ];
    for (const commit of commits) await bench.lake.commit(commit, addRow);
    expect((await bench.lake.published('p'))?.key).toBe('r2');
    expect(await bench.lake.published('nobody')).toBeUndefined();
  });

  it('gives each work a private catalog and takes it away, also after an error', async () => {
    const work = async (c: DuckDBConnection): Promise<unknown> => {
      await c.run('CREATE VIEW gold.mine AS SELECT 7 AS seven');
      return (await c.runAndReadAll('FROM gold.mine')).getRows();
    };
    expect(await Promise.all([bench.lake.work(work), bench.lake.work(work)])).toEqual([[[7]], [[7]]]);
    await expect(bench.lake.work((c) => c.run('BEGIN; SELECT nope'))).rejects.toThrow(/nope/);
    const left = await bench.lake.work(async (c) => (await c.runAndReadAll('SHOW DATABASES')).getRows().flat());
    expect((left as string[]).filter((name) => name.startsWith('job_'))).toHaveLength(1);
  });

  it('interrupts on abort with the reason, between statements too', async () => {
    const cancel = new AbortController();
    const long = bench.lake.work(async (c) => {
      for (;;) await c.run('SELECT count(*) FROM range(3000000)');
    }, cancel.signal);
    setTimeout(() => cancel.abort(new Error('cancelled')), 100);
    await expect(long).rejects.toThrow('cancelled');
    await expect(bench.lake.work(() => Promise.resolve(1), cancel.signal)).rejects.toThrow('cancelled');
  });

  it('keeps inlining off for good and speaks UTC', async () => {
    const [zone] = await rows(
      bench.lake,
      "SELECT CAST(TIMESTAMPTZ '2001-01-01 12:00:00+02' AS TIMESTAMP)::VARCHAR AS at",
    );
    expect(zone).toEqual({ at: '2001-01-01 10:00:00' });
    const [option] = await rows(
      bench.lake,
      "SELECT value FROM lake.options() WHERE option_name = 'data_inlining_row_limit'",
    );
    expect(option).toEqual({ value: '0' });
  });

  it('is LakeUnavailable when its catalog cannot be opened', async () => {
    const file = await bench.writeText(
      'broken.sqlite',
      'this is no database, but long enough to be taken for one'.repeat(40),
    );
    const options = {
      dataFolder: `${bench.folder}/other`,
      scratchFolder: `${bench.folder}/scratch`,
      threads: 1,
      memoryLimit: '256MB',
    };
    const opening = openLake({ ...options, catalogFile: file, extensionsFolder: nativeParts().duckdbExtensions });
    await expect(opening).rejects.toMatchObject({ type: 'LakeUnavailable' });
  });
});
