import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knownUntil, recordCheck } from '../../lakehouse/known-until.ts';
import { type FlightsLake, flightsLake } from './flights-lake.ts';

let flights: FlightsLake;
beforeAll(async () => {
  flights = await flightsLake();
});
afterAll(() => flights.remove());

describe('knownUntil', () => {
  it('is the as-of of the last refresh, or of a later look that found nothing new', async () => {
    const { lake, bundle } = flights;
    const { project } = bundle.definition;
    expect(await knownUntil(lake, project)).toBeUndefined();
    const refreshed = '2001-01-20T00:00:00.000Z';
    const snapshot = await flights.refresh(refreshed);
    expect(await knownUntil(lake, project)).toBe(refreshed);

    const look = (asOf: string) => ({
      ...{ outcome: 'no-new-data' as const, key: '', project, asOf, full: false, base: { snapshot, asOf: refreshed } },
      ...{ sourceFiles: {}, tables: [], newRows: 0, surfacedRows: 0 },
    });
    await recordCheck(lake, look('2001-01-22T00:00:00.000Z'));
    await recordCheck(lake, look('2001-01-21T00:00:00.000Z'));
    await recordCheck(lake, look('2001-01-22T00:00:00.000Z'));
    expect(await knownUntil(lake, project)).toBe('2001-01-22T00:00:00.000Z');
    expect(await flights.rows(`SELECT 1 FROM lake.main.commits WHERE kind = 'refresh-check'`)).toHaveLength(1);
    expect((await lake.published(project))?.snapshot).toBe(snapshot);

    const later = '2001-02-01T00:00:00.000Z';
    await flights.refresh(later);
    expect(await knownUntil(lake, project)).toBe(later);
  });
});
