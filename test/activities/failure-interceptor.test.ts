import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createFailureInterceptor, toFailure } from '../../activities/failure-interceptor.ts';
import { reportProgress, withHeartbeats } from '../../activities/heartbeat.ts';
import { FAILURE_TYPES, type FailureType, SuperstepError } from '../../contracts/failure-types.ts';

const TYPES = Object.keys(FAILURE_TYPES) as FailureType[];

describe('toFailure', () => {
  it.each(TYPES)('keeps %s: type, message, details, and whether it is tried again', (type) => {
    const error = new SuperstepError(type, 'what went wrong', { table: 'silver.flights', rows: 3 });
    const failure = toFailure(error) as ApplicationFailure;
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure.type).toBe(type);
    expect(failure.message).toBe('what went wrong');
    expect(failure.nonRetryable).toBe(!FAILURE_TYPES[type].retryable);
    expect(failure.details).toEqual([{ table: 'silver.flights', rows: 3 }]);
    expect(failure.cause).toBe(error);
  });

  it('cuts a message that no history should carry', () => {
    const failure = toFailure(new SuperstepError('QueryFailed', 'x'.repeat(1_000_000))) as ApplicationFailure;
    expect(failure.message).toHaveLength(4_000);
  });

  it('passes on what is no fault of ours: cancellation, failures of Temporal, surprises', () => {
    const others = [
      new CancelledFailure('cancelled'),
      ApplicationFailure.nonRetryable('no', 'Other'),
      new TypeError('x is not a function'),
      'a text',
      undefined,
    ];
    for (const error of others) expect(toFailure(error)).toBe(error);
  });
});

describe('the interceptor', () => {
  function execute(work: () => Promise<unknown>, environment = new MockActivityEnvironment()): Promise<unknown> {
    const interceptor = createFailureInterceptor();
    const input = { args: [], headers: {} } as unknown as ActivityExecuteInput;
    return environment.run(() => {
      if (interceptor.execute === undefined) throw new Error('it intercepts nothing');
      return interceptor.execute(input, work);
    });
  }

  it('gives back what the activity gives', async () => {
    expect(await execute(async () => 'done')).toBe('done');
  });

  it('maps what the activity throws', async () => {
    const failing = execute(() => Promise.reject(new SuperstepError('EmptyDataset', 'no rows')));
    await expect(failing).rejects.toMatchObject({
      name: 'ApplicationFailure',
      type: 'EmptyDataset',
      nonRetryable: true,
    });
  });

  it('heartbeats while the activity runs', async () => {
    const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: 60 });
    const beats = vi.fn();
    environment.on('heartbeat', beats);
    await execute(() => vi.waitFor(() => expect(beats.mock.calls.length).toBeGreaterThan(2)), environment);
  });
});

describe('withHeartbeats', () => {
  it('repeats the latest progress, and stops with the work, also when that fails', async () => {
    const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: 60 });
    const beats: unknown[] = [];
    environment.on('heartbeat', (details: unknown) => beats.push(details));
    const progress = { done: 1, total: 3, note: 'trial 1 of 3' };
    const work = async (): Promise<never> => {
      await vi.waitFor(() => expect(beats).toContain(undefined));
      reportProgress(progress);
      await vi.waitFor(() => expect(beats.filter((beat) => beat === progress).length).toBeGreaterThan(2));
      throw new Error('diverged');
    };
    await expect(environment.run(() => withHeartbeats(work))).rejects.toThrow('diverged');
    const { length } = beats;
    await pause(100);
    expect(beats).toHaveLength(length);
  });

  it('is content without a heartbeat timeout', async () => {
    const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: 0 });
    const beats = vi.fn();
    environment.on('heartbeat', beats);
    expect(await environment.run(() => withHeartbeats(async () => 7))).toBe(7);
    expect(beats).not.toHaveBeenCalled();
  });
});
