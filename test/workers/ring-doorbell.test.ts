import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ringDoorbell } from '../../workers/ring-doorbell.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const second = () => vi.advanceTimersByTimeAsync(1_000);

describe('ringing a doorbell', () => {
  it('is done at once and each second, until it is stopped', async () => {
    const ring = vi.fn(() => Promise.resolve());
    const { stop } = ringDoorbell(ring, () => undefined);
    await vi.advanceTimersByTimeAsync(0);
    expect(ring).toHaveBeenCalledTimes(1);
    await second();
    await second();
    expect(ring).toHaveBeenCalledTimes(3);
    await stop();
    await second();
    expect(ring).toHaveBeenCalledTimes(3);
  });

  it('waits for a ring to end, and so does who stops it', async () => {
    let end = (): void => undefined;
    const ring = vi.fn(() => new Promise<void>((resolve) => (end = resolve)));
    const { stop } = ringDoorbell(ring, () => undefined);
    await second();
    await second();
    expect(ring).toHaveBeenCalledTimes(1);
    const stopped = vi.fn();
    const stopping = stop().then(stopped);
    await second();
    expect(stopped).not.toHaveBeenCalled();
    end();
    await stopping;
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it('goes on after a fault, tells one that stays once, and tells it again when it comes back', async () => {
    const faults = ['away', 'away', null, 'away', 'another'];
    const ring = vi.fn(() => {
      const fault = faults.shift();
      return fault === null || fault === undefined ? Promise.resolve() : Promise.reject(new Error(fault));
    });
    const told: string[] = [];
    const report = (error: unknown, request: string) => told.push(`${request}: ${(error as Error).message}`);
    const { stop } = ringDoorbell(ring, report, 'sweeping');
    for (let n = 0; n < 5; n++) await second();
    await stop();
    expect(told).toEqual(['sweeping: away', 'sweeping: away', 'sweeping: another']);
  });
});
