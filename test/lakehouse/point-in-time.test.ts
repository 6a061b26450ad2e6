import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnsByView, type FeatureLookup, pointInTimeSql } from '../../lakehouse/point-in-time.ts';

const DAY = 86_400_000;
const START = Date.parse('2001-01-01T00:00:00Z');

interface ViewRow {
  readonly key: number | null;
  readonly event: number;
  readonly known: number | null;
  readonly value: number | null;
}

interface SpineRow {
  readonly key: number | null;
  readonly time: number;
}

/** The rule of the reference, said plainly: no sorting, no windows, every pair looked at. */
function bruteForce(spine: SpineRow, view: readonly ViewRow[], ttl: number): number | null {
  const seen = view.filter(
    (row) =>
      row.key !== null && row.key === spine.key && row.known !== null && Math.max(row.event, row.known) <= spine.time,
  );
  const winner = seen.reduce<ViewRow | undefined>((best, row) => {
    if (best === undefined) return row;
    const [known, bestKnown] = [row.known ?? 0, best.known ?? 0];
    if (row.event !== best.event) return row.event > best.event ? row : best;
    if (known !== bestKnown) return known > bestKnown ? row : best;
    // Equal in both times: the larger value, NULL as the largest.
    return (row.value ?? Infinity) > (best.value ?? Infinity) ? row : best;
  }, undefined);
  return winner === undefined || winner.event < spine.time - ttl ? null : winner.value;
}

const LOOKUP: FeatureLookup = {
  view: 'v',
  relation: 'view_rows',
  entity: ['key'],
  eventTime: 'event',
  knownAt: 'known',
  ttlMs: 3 * DAY,
  columns: ['value'],
};

describe('pointInTimeSql', () => {
  let instance: DuckDBInstance;
  let c: DuckDBConnection;
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    c = await instance.connect();
  });
  afterAll(() => {
    c.closeSync();
    instance.closeSync();
  });

  const at = (hours: number | null): string =>
    hours === null ? 'NULL' : `make_timestamp(${(START + hours * 3_600_000) * 1000})`;

  async function join(spine: readonly SpineRow[], view: readonly ViewRow[], until = 1000): Promise<(number | null)[]> {
    await c.run(
      `CREATE OR REPLACE TABLE view_rows AS FROM (VALUES (1::INTEGER, ${at(0)}::TIMESTAMP, ${at(0)}::TIMESTAMP, 1::FLOAT)) v(key, event, known, value) LIMIT 0`,
    );
    for (const row of view) {
      await c.run(`INSERT INTO view_rows VALUES (${row.key}, ${at(row.event)}, ${at(row.known)}, ${row.value})`);
    }
    const rows = spine.map((row, i) => `(${i}, ${row.key}::INTEGER, ${at(row.time)}::TIMESTAMP)`);
    await c.run(`CREATE OR REPLACE TABLE spine AS FROM (VALUES ${rows.join(', ')}) s(id, key, event_time)`);
    const window = { from: new Date(START).toISOString(), until: new Date(START + until * 3_600_000).toISOString() };
    const found = await c.runAndReadAll(
      `SELECT id, "v.value" FROM (${pointInTimeSql('spine', [LOOKUP], window)}) ORDER BY id`,
    );
    const answers = found.getRowsJS();
    expect(answers.map((row) => row[0])).toEqual(spine.map((_, i) => i));
    return answers.map((row) => row[1] as number | null);
  }

  it('gives what a brute-force join gives, for any rows', { timeout: 60_000 }, async () => {
    const key = fc.option(fc.integer({ min: 1, max: 2 }), { freq: 12 });
    const hour = fc.integer({ min: 0, max: 150 });
    const viewRow = fc.record({
      key,
      event: hour,
      known: fc.option(hour, { freq: 12 }),
      value: fc.option(fc.integer({ min: -3, max: 3 }), { freq: 6 }),
    });
    const inputs = fc.tuple(
      fc.array(fc.record({ key, time: hour }), { minLength: 1, maxLength: 25 }),
      fc.array(viewRow, { maxLength: 25 }),
    );
    await fc.assert(
      fc.asyncProperty(inputs, async ([spine, view]) => {
        const ttl = LOOKUP.ttlMs / 3_600_000;
        expect(await join(spine, view)).toEqual(spine.map((row) => bruteForce(row, view, ttl)));
      }),
      { numRuns: 60 },
    );
  });

  it('does not see a row before it is known, however old its event', async () => {
    const view = [{ key: 1, event: 1, known: 10, value: 7 }];
    const spine = [9, 10].map((time) => ({ key: 1, time }));
    expect(await join(spine, view)).toEqual([null, 7]);
  });

  it('lets a late correction of an old event never cover a newer event', async () => {
    const view = [
      { key: 1, event: 5, known: 6, value: 2 },
      { key: 1, event: 1, known: 20, value: 9 },
    ];
    expect(await join([{ key: 1, time: 30 }], view)).toEqual([2]);
  });

  it('uses a row until its event time plus ttl, both ends included', async () => {
    const view = [{ key: 1, event: 4, known: 4, value: 1 }];
    const spine = [3, 4, 76, 77].map((time) => ({ key: 1, time }));
    expect(await join(spine, view)).toEqual([null, 1, 1, null]);
  });

  it('gives NULL for a key that nobody has seen, and for no key', async () => {
    const view = [
      { key: 1, event: 0, known: 0, value: 1 },
      { key: null, event: 0, known: 0, value: 1 },
    ];
    expect(
      await join(
        [
          { key: 2, time: 5 },
          { key: null, time: 5 },
        ],
        view,
      ),
    ).toEqual([null, null]);
  });
});

describe('columnsByView', () => {
  it('groups references by view and leaves out the spine’s own columns', () => {
    expect(columnsByView(['a.x', 'hour', 'b.y', 'a.z'])).toEqual(
      new Map([
        ['a', ['x', 'z']],
        ['b', ['y']],
      ]),
    );
  });
});
