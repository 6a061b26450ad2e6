import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FlightsLake, flightsLake, SLICE_UNTIL } from './flights-lake.ts';

const TABLES = ['bronze.flights', 'silver.flights', 'gold.route_history', 'gold.airport_hour', 'gold.destination_hour'];

describe('the flights project', () => {
  let flights: FlightsLake;
  beforeAll(async () => {
    flights = await flightsLake();
  });
  afterAll(() => flights.remove());

  it('holds after increments what a full refresh holds, row by row', async () => {
    // On the hour, between hours, at midnight, a minute after: wherever a window may end.
    const instants = ['2001-01-20T07:13:00Z', '2001-02-03T00:00:00Z', '2001-02-03T00:01:00Z', '2001-02-11T18:00:00Z'];
    for (const instant of instants) await flights.refresh(instant);
    const summed = await flights.refresh(SLICE_UNTIL);
    const full = await flights.refresh(SLICE_UNTIL, { full: true });
    expect(full).toBeGreaterThan(summed);
    for (const table of TABLES) {
      const [one, other] = [summed, full].map((snapshot) => `FROM lake.${table} AT (VERSION => ${snapshot})`);
      expect(await flights.rows(`(${one}) EXCEPT ALL (${other})`)).toEqual([]);
      expect(await flights.rows(`(${other}) EXCEPT ALL (${one})`)).toEqual([]);
      expect(await flights.rows(`SELECT count(*) > 500 AS many ${one}`)).toEqual([{ many: true }]);
    }
  });

  it('gives feature rows that are known at once, never before what they rest on', async () => {
    for (const [view, time] of [
      ['route_history', 'day'],
      ['airport_hour', 'hour'],
      ['destination_hour', 'hour'],
    ]) {
      const found = await flights.rows(
        `SELECT count(*) FILTER (known_at <> ${time} OR ${time} <> date_trunc('${time}', ${time}))::INTEGER AS odd,
           max(known_at) <= '2001-02-20' AS known FROM lake.gold.${view}`,
      );
      expect(found).toEqual([{ odd: 0, known: true }]);
    }
  });
});
