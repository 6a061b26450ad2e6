import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataQualityOf } from '../../lakehouse/data-quality.ts';
import { writeExpectationResults } from '../../lakehouse/expectation-results.ts';
import { type SmallLake, smallLake } from './small-lake.ts';

const day = (number: number): string => `2001-05-0${number}T00:00:00.000Z`;

describe('dataQualityOf', () => {
  let small: SmallLake;
  beforeEach(async () => {
    small = await smallLake('taxi');
  });
  afterEach(() => small.remove());

  const found = (action: 'stop' | 'drop', broken: number, asOf: string, project = 'taxi'): Promise<unknown> =>
    small.lake.commit({ key: `${project}/${action}/${asOf}`, kind: 'metrics', project, asOf, details: {} }, (c) =>
      writeExpectationResults(c, { project, asOf }, [
        { table: 'bronze.trips', expectations: [{ name: 'rule', action, broken, total: 100 }] } as never,
      ]),
    );
  const quality = (from = day(1), until = day(8)) => dataQualityOf(small.lake, 'taxi', from, until);

  it('is clean where nothing was ever refreshed', async () => {
    expect(await quality()).toEqual({ refusedShare: 0, stopped: false });
  });

  it('tells the share that was refused, of the worst refresh in the span', async () => {
    await found('drop', 90, day(1));
    await found('drop', 3, day(3));
    await found('drop', 8, day(4));
    await found('drop', 50, day(4), 'other');
    expect(await quality()).toEqual({ refusedShare: 0.08, stopped: false });
  });

  it('counts a stop that no refresh came after', async () => {
    await small.commit('refresh', day(3));
    await found('stop', 1, day(4));
    expect(await quality()).toEqual({ refusedShare: 0, stopped: true });
    expect((await quality(day(4))).stopped).toBe(false);
  });

  it.each([
    ['at the same as-of', day(4), false],
    ['at a later one', day(6), false],
    ['at the end of the span', day(8), false],
    ['after the end of the span', day(9), true],
  ])('forgets a stop once a refresh was published %s', async (_, asOf, stopped) => {
    await found('stop', 1, day(4));
    await small.commit('refresh', asOf);
    expect((await quality()).stopped).toBe(stopped);
  });

  it('counts the stop after the repair of an earlier one', async () => {
    await found('stop', 1, day(3));
    await small.commit('refresh', day(4));
    await found('stop', 1, day(5));
    expect((await quality()).stopped).toBe(true);
  });

  it('takes no other commit, nor another project, for a repair', async () => {
    await found('stop', 1, day(4));
    await small.commit('metrics', day(5));
    await small.commit('predictions', day(5));
    const key = 'refresh of another';
    await small.lake.commit({ key, kind: 'refresh', project: 'other', asOf: day(5), details: {} }, () =>
      Promise.resolve(),
    );
    expect((await quality()).stopped).toBe(true);
  });
});
