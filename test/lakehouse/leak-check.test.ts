import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PinnedBundle } from '../../contracts/pinned-bundle.ts';
import { checkForLeaks } from '../../lakehouse/leak-check.ts';
import { type FlightsLake, flightsLake, SLICE_UNTIL, withFiles, withTraining } from './flights-lake.ts';

const INSTANTS = ['2001-02-10T20:30:00Z', '2001-01-25T00:00:00Z'];

describe('checkForLeaks', () => {
  let flights: FlightsLake;
  let snapshot: number;
  beforeAll(async () => {
    flights = await flightsLake();
    snapshot = await flights.refresh(SLICE_UNTIL);
  });
  afterAll(() => flights.remove());

  const check = (bundle: PinnedBundle, at = snapshot, instants = INSTANTS): ReturnType<typeof checkForLeaks> =>
    checkForLeaks(flights.lake, bundle, {
      snapshot: at,
      refreshedAsOf: SLICE_UNTIL,
      asOf: SLICE_UNTIL,
      instants,
      sampleRows: 50,
    });

  it('finds nothing in the example, and says what it compared', async () => {
    const { checked } = await check(flights.bundle);
    expect(checked).toContainEqual({ view: 'route_history', instant: '2001-02-10T00:00:00.000Z', keys: 20 });
    expect(checked).toContainEqual({ view: 'airport_hour', instant: '2001-02-10T20:00:00.000Z', keys: 5 });
    expect(checked).toContainEqual({ view: 'spine', instant: '2001-02-10T20:30:00.000Z', keys: 50 });
    expect(checked).toHaveLength(8);
  });

  it('has nothing to compare before the data', async () => {
    expect(await check(flights.bundle, snapshot, ['2000-12-01T00:00:00Z'])).toEqual({ checked: [] });
  });

  it('catches a view that counts flights by departure but calls itself known at that hour', async () => {
    const file = 'features/airport_hour.sql';
    const wrong = (flights.bundle.files[file] ?? '').replace('delay_known_at - INTERVAL', 'date - INTERVAL');
    const bundle = withFiles(flights.bundle, { [file]: wrong });
    const at = await flights.refresh(SLICE_UNTIL, { bundle, full: true });
    await expect(check(bundle, at)).rejects.toMatchObject({
      type: 'LeakDetected',
      message: expect.stringMatching(
        /^feature view airport_hour, key \{"origin":"[A-Z]{3}"\}, at 2001-02-10T20:00:00.000Z: airport_hour.\w+ is .* by the look-up and .* features\/airport_hour.sql rests on/,
      ) as unknown,
      details: { view: 'airport_hour', instant: '2001-02-10T20:00:00.000Z', sampled: 5 },
    });
  });

  it('catches a view that calls a row by the day that it sums up', async () => {
    const file = 'features/route_history.sql';
    const wrong = (flights.bundle.files[file] ?? '').replace('to_days(age) AS day', 'to_days(age - 1) AS day');
    const bundle = withFiles(flights.bundle, { [file]: wrong });
    const at = await flights.refresh(SLICE_UNTIL, { bundle, full: true });
    await expect(check(bundle, at)).rejects.toMatchObject({ type: 'LeakDetected', details: { view: 'route_history' } });
  });

  it('catches a spine that shows the delay before the landing', async () => {
    const file = 'training/spine.sql';
    const spine = (flights.bundle.files[file] ?? '').replace('distance', 'distance, delay AS luck');
    const bundle = withTraining(withFiles(flights.bundle, { [file]: spine }), { features: ['distance', 'luck'] });
    await expect(check(bundle)).rejects.toMatchObject({
      type: 'LeakDetected',
      message: expect.stringMatching(
        /^spine, key .*: luck is -?\d+ by the look-up and null from what was known then/,
      ) as unknown,
    });
  });

  it('catches a spine that has only flights that landed', async () => {
    const file = 'training/spine.sql';
    const spine = `${flights.bundle.files[file] ?? ''} WHERE delay IS NOT NULL`;
    await expect(check(withFiles(flights.bundle, { [file]: spine }))).rejects.toMatchObject({
      type: 'LeakDetected',
      message: expect.stringMatching(/no row at all from what was known then/) as unknown,
    });
  });
});
