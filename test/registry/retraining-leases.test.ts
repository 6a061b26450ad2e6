import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry } from '../../registry/registry.ts';
import { openTestRegistry, type TestRegistry } from './open-test-registry.ts';

const DAY = 86_400_000;

let t: TestRegistry;
beforeEach(async () => {
  t = await openTestRegistry();
});
afterEach(() => t.close());

const ask = (day: number, options: { readonly holder?: string; readonly model?: string } = {}) => ({
  model: options.model ?? 'delays',
  holder: options.holder ?? `train-to-deploy/delays/day-${day}`,
  asOf: new Date(Date.parse('2001-05-01T00:00:00Z') + day * DAY).toISOString(),
  window: `week of day ${day}`,
  coolDownMs: 7 * DAY,
  atMost: { count: 2, perMs: 30 * DAY },
  leaseMs: 3_600_000,
});

const release = ({ model, holder }: { readonly model: string; readonly holder: string }) =>
  t.registry.releaseRetrainingLease({ model, holder });

describe('acquireRetrainingLease', () => {
  it('lets one run at a time per model, and the same one ask again', async () => {
    expect(await t.registry.acquireRetrainingLease(ask(0))).toEqual({ granted: true });
    expect(await t.registry.acquireRetrainingLease(ask(0))).toEqual({ granted: true });
    expect(await t.registry.acquireRetrainingLease(ask(20))).toMatchObject({
      granted: false,
      reason: 'running',
      why: expect.stringContaining('train-to-deploy/delays/day-0 is retraining') as string,
    });
    expect(await t.registry.acquireRetrainingLease(ask(20, { model: 'fares' }))).toEqual({ granted: true });
    await release(ask(20));
    expect(await t.registry.acquireRetrainingLease(ask(20))).toMatchObject({ reason: 'running' });
    await release(ask(0));
    await release(ask(0));
    expect(await t.registry.acquireRetrainingLease(ask(20))).toEqual({ granted: true });
    expect(await t.registry.retrainings('delays')).toMatchObject([{ window: 'week of day 0' }, { releasedAt: null }]);
  });

  it('counts cool-down and budget in as-of time, in both directions', async () => {
    for (const day of [0, 10]) {
      expect(await t.registry.acquireRetrainingLease(ask(day))).toEqual({ granted: true });
      await release(ask(day));
    }
    for (const day of [-6.9, 6.9, 3.1, 16.9]) {
      expect(await t.registry.acquireRetrainingLease(ask(day))).toMatchObject({ reason: 'cool-down' });
    }
    for (const day of [17, 29.9, -19.9]) {
      expect(await t.registry.acquireRetrainingLease(ask(day))).toMatchObject({ reason: 'budget' });
    }
    expect(await t.registry.acquireRetrainingLease(ask(30))).toEqual({ granted: true });
  });

  it('does not grant a retraining that has been again, and says which one it was', async () => {
    await t.registry.acquireRetrainingLease(ask(0));
    await release(ask(0));
    const before = await t.registry.retrainings('delays');
    const done = {
      granted: false,
      reason: 'done',
      why: expect.stringMatching(
        /^train-to-deploy\/delays\/day-0 has retrained delays for the window week of day 0 already/,
      ) as string,
    };
    expect(await t.registry.acquireRetrainingLease(ask(0))).toEqual(done);
    expect(await t.registry.retrainings('delays')).toEqual(before);
    // It holds nothing that another would have to wait for, and is done while another runs, too.
    expect(await t.registry.acquireRetrainingLease(ask(20))).toEqual({ granted: true });
    expect(await t.registry.acquireRetrainingLease(ask(0))).toEqual(done);
  });

  it('grants a retraining that was not released again, even after its lease ran out', async () => {
    let now = Date.parse('2001-06-01T00:00:00Z');
    const registry = createRegistry({ db: t.db, artifacts: t.artifacts, now: () => new Date(now) });
    expect(await registry.acquireRetrainingLease(ask(0))).toEqual({ granted: true });
    now += 3_600_000;
    expect(await registry.acquireRetrainingLease(ask(0))).toEqual({ granted: true });
    expect(await registry.acquireRetrainingLease(ask(20))).toMatchObject({ reason: 'running' });
    expect(await registry.retrainings('delays')).toHaveLength(1);
  });

  it('voids a lease that nobody released, after its time', async () => {
    let now = Date.parse('2001-06-01T00:00:00Z');
    const registry = createRegistry({ db: t.db, artifacts: t.artifacts, now: () => new Date(now) });
    await registry.acquireRetrainingLease(ask(0));
    now += 3_599_999;
    expect(await registry.acquireRetrainingLease(ask(20))).toMatchObject({ reason: 'running' });
    now += 1;
    expect(await registry.acquireRetrainingLease(ask(20))).toEqual({ granted: true });
    expect(await registry.acquireRetrainingLease(ask(0))).toMatchObject({ granted: false, reason: 'running' });
  });

  it('keeps both rules for every order of asking', async () => {
    let models = 0;
    const days = fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(days, async (asked) => {
        const model = `model-${(models += 1)}`;
        for (const [i, day] of asked.entries()) {
          const input = ask(day, { model, holder: `holder-${i}` });
          const first = await t.registry.acquireRetrainingLease(input);
          expect(await t.registry.acquireRetrainingLease(input)).toEqual(first);
          await release(input);
          const afterwards = await t.registry.acquireRetrainingLease(input);
          expect(afterwards).toMatchObject(first.granted ? { granted: false, reason: 'done' } : first);
        }
        const granted = (await t.registry.retrainings(model)).map((r) => Date.parse(r.asOf));
        expect(granted.length).toBeGreaterThan(0);
        granted.slice(1).forEach((at, i) => expect(at - (granted[i] ?? 0)).toBeGreaterThanOrEqual(7 * DAY));
        granted.slice(2).forEach((at, i) => expect(at - (granted[i] ?? 0)).toBeGreaterThanOrEqual(30 * DAY));
      }),
      { numRuns: 25 },
    );
  });
});
