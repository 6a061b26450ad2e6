import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextBackOff } from '../../../scripts/processes/back-off.ts';

const BACK_OFF = { firstMs: 500, lastMs: 30_000, healthyMs: 10_000 };

describe('nextBackOff', () => {
  it('doubles up to the longest wait', () => {
    const waits: number[] = [];
    for (let n = 0; n < 9; n += 1) waits.push(nextBackOff(BACK_OFF, waits.at(-1) ?? 0, 100));
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('starts anew after a healthy life, and always stays within its bounds', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(100_000), (beforeMs, livedMs) => {
        const wait = nextBackOff(BACK_OFF, beforeMs, livedMs);
        expect(wait).toBeGreaterThanOrEqual(Math.min(BACK_OFF.firstMs, beforeMs * 2 || BACK_OFF.firstMs));
        expect(wait).toBeLessThanOrEqual(BACK_OFF.lastMs);
        if (livedMs >= BACK_OFF.healthyMs) expect(wait).toBe(BACK_OFF.firstMs);
      }),
    );
  });
});
