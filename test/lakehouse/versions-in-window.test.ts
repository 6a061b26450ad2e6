import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowsAfterTraining, versionsInWindow } from '../../lakehouse/versions-in-window.ts';
import { type SmallLake, smallLake } from './small-lake.ts';

const TABLE = 'lake.gold.taxi_predictions';
const WEEK = { project: 'taxi', from: '2001-05-01T00:00:00.000Z', until: '2001-05-08T00:00:00.000Z' };
const AS_OF = '2001-05-09T00:00:00.000Z';

/** One row every hour of these days of May. */
const hourly = (version: number, from: number, until: number): string =>
  `INSERT INTO ${TABLE} SELECT ${version}, hour FROM range(TIMESTAMP '2001-05-01' + to_days(${from - 1}), TIMESTAMP '2001-05-01' + to_days(${until - 1}), INTERVAL 1 HOUR) AS t(hour)`;

describe('versions in a window', () => {
  let small: SmallLake;
  let early: number;
  let late: number;
  beforeAll(async () => {
    small = await smallLake('taxi');
    const table = `CREATE TABLE ${TABLE} (model_version INTEGER, event_time TIMESTAMP)`;
    // Version 9 scored the week after only.
    early = await small.commit('predictions', AS_OF, table, hourly(2, 1, 8), hourly(3, 1, 5), hourly(9, 8, 12));
    late = await small.commit('predictions', AS_OF, hourly(4, 6, 8));
  });
  afterAll(() => small.remove());

  it('are those with predictions in it, at the snapshot', async () => {
    expect(await versionsInWindow(small.lake, { ...WEEK, predictionsSnapshot: early })).toEqual([2, 3]);
    expect(await versionsInWindow(small.lake, { ...WEEK, predictionsSnapshot: late })).toEqual([2, 3, 4]);
    const before = { ...WEEK, from: '2000-05-01T00:00:00Z', until: '2000-05-08T00:00:00Z' };
    expect(await versionsInWindow(small.lake, { ...before, predictionsSnapshot: late })).toEqual([]);
  });

  const counted = (trainings: Readonly<Record<number, string>>, predictionsSnapshot = late) =>
    rowsAfterTraining(
      small.lake,
      { ...WEEK, predictionsSnapshot },
      Object.entries(trainings).map(([version, day]) => ({ version: Number(version), asOf: `${day}T00:00:00.000Z` })),
    );

  it('count by the rows after their own training, and not by all', async () => {
    // Version 2 has most rows, but was trained on, or judged by, all of them but the last day's.
    expect(await counted({ 2: '2001-05-07', 3: '2001-04-20', 4: '2001-05-06' })).toEqual([
      { version: 3, rows: 96 },
      { version: 4, rows: 48 },
      { version: 2, rows: 24 },
    ]);
  });

  it('take a row at the very as-of, and none before it', async () => {
    const window = { ...WEEK, predictionsSnapshot: late };
    const at = (asOf: string) => rowsAfterTraining(small.lake, window, [{ version: 4, asOf }]);
    expect(await at('2001-05-07T23:00:00.000Z')).toEqual([{ version: 4, rows: 1 }]);
    expect(await at('2001-05-07T23:00:00.001Z')).toEqual([]);
  });

  it('put the older first of those with as many rows', async () => {
    expect(await counted({ 4: '2001-05-06', 2: '2001-05-06' })).toEqual([
      { version: 2, rows: 48 },
      { version: 4, rows: 48 },
    ]);
  });

  it('leave out what was trained after the window, or scored after the snapshot', async () => {
    expect(await counted({ 2: '2001-05-08', 3: '2001-05-05' })).toEqual([]);
    expect(await counted({ 4: '2001-05-01' }, early)).toEqual([]);
    expect(await counted({})).toEqual([]);
  });
});
