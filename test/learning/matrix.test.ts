import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMatrixReader, type MatrixReader } from '../../learning/matrix.ts';
import { HOLDOUT_FROM, runSql, writeFlights } from '../support/delayed-flights.ts';

let folder: string;
let file: string;
let reader: MatrixReader;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-'));
  file = join(folder, 'flights.parquet');
  await writeFlights(file, { rows: 9000 });
  reader = await openMatrixReader({ file, features: ['id', 'view.late_rate'], label: 'late' }, 2);
});
afterAll(async () => {
  reader.close();
  await rm(folder, { recursive: true });
});

const ids = (values: Float32Array): number[] => [...values].filter((_, at) => at % 2 === 0);

describe('openMatrixReader', () => {
  it('reads rows in order, row by row, NULL as NaN', async () => {
    const { matrix, labels } = await reader.read({});
    expect(matrix).toMatchObject({ rows: 9000, columns: 2 });
    expect(ids(matrix.values)).toEqual(Array.from({ length: 9000 }, (_, id) => id));
    const rows = await runSql(`SELECT "view.late_rate"::FLOAT AS rate, late FROM '${file}'`);
    rows.forEach(({ rate, late }, row) => {
      expect(matrix.values[row * 2 + 1]).toEqual(rate ?? Number.NaN);
      expect(labels[row]).toBe(late);
    });
  });

  it('cuts at instants: from inclusive, until exclusive', async () => {
    const before = await reader.summarize({ until: HOLDOUT_FROM });
    const after = await reader.summarize({ from: HOLDOUT_FROM });
    expect([before.rows, after.rows]).toEqual([7200, 1800]);
    expect(ids((await reader.read({ from: HOLDOUT_FROM })).matrix.values)[0]).toBe(7200);
    expect(await reader.lastEventTime()).toBe('2001-05-30T23:55:00.000Z');
  });

  it('samples the same rows each time, in order, exactly as many as asked for', async () => {
    const first = ids((await reader.read({ until: HOLDOUT_FROM, maxRows: 500 })).matrix.values);
    expect(first).toHaveLength(500);
    expect(first).toEqual([...first].sort((a, b) => a - b));
    expect(ids((await reader.read({ until: HOLDOUT_FROM, maxRows: 500 })).matrix.values)).toEqual(first);
    // Spread over the whole window, not taken from its start.
    expect(first.filter((id) => id < 3600).length).toBeGreaterThan(200);
    expect(first.filter((id) => id >= 3600).length).toBeGreaterThan(200);
  });

  it('compares event times with a zone as instants, and leaves out rows without a label', async () => {
    const zoned = join(folder, 'zoned.parquet');
    await writeFlights(zoned, {
      select: `* REPLACE (event_time::TIMESTAMPTZ AS event_time, CASE WHEN id % 2 = 0 THEN late END AS late)`,
    });
    const zonedReader = await openMatrixReader({ file: zoned, features: ['hour'], label: 'late' }, 1);
    expect((await zonedReader.summarize({})).rows).toBe(3000);
    expect((await zonedReader.summarize({ from: HOLDOUT_FROM })).rows).toBe(600);
    zonedReader.close();
  });

  it('names a missing column and one that holds text', async () => {
    await expect(openMatrixReader({ file, features: ['hour', 'gone'], label: 'late' }, 1)).rejects.toMatchObject({
      type: 'SchemaMismatch',
      details: { column: 'gone' },
    });
    const text = join(folder, 'text.parquet');
    await writeFlights(text, { select: `*, 'ORD' AS origin` });
    await expect(openMatrixReader({ file: text, features: ['origin'], label: 'late' }, 1)).rejects.toMatchObject({
      type: 'SchemaMismatch',
      details: { column: 'origin', type: 'VARCHAR' },
    });
  });
});
