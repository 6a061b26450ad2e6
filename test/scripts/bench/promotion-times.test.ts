import { describe, expect, it } from 'vitest';
import { readPromotionTimes } from '../../../scripts/bench/promotion-times.ts';

function event(eventId: number, milliseconds: number, attributes: object): object {
  const eventTime = { seconds: Math.floor(milliseconds / 1000), nanos: (milliseconds % 1000) * 1e6 };
  return { eventId, eventTime, ...attributes };
}

describe('times of a promotion', () => {
  it('are read from the server’s clock: each step, and the approval to what it set going', () => {
    const events = [
      event(1, 1_000, { activityTaskScheduledEventAttributes: {} }),
      event(2, 1_030, { activityTaskStartedEventAttributes: { scheduledEventId: 1 } }),
      event(3, 2_990, { workflowExecutionSignaledEventAttributes: { signalName: 'approve' } }),
      event(4, 3_000, { activityTaskScheduledEventAttributes: {} }),
      event(5, 3_070, { activityTaskStartedEventAttributes: { scheduledEventId: 4 } }),
    ];
    const { stepMs, approvalMs } = readPromotionTimes([{ events }]);
    expect(stepMs.map(Math.round)).toEqual([30, 70]);
    expect(approvalMs.map(Math.round)).toEqual([80]);
  });

  it('are none of a history without an approval', () => {
    expect(() => readPromotionTimes([{ events: [] }])).toThrow('without an approval');
  });
});
