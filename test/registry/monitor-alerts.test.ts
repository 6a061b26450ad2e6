import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTestRegistry, type TestRegistry } from './open-test-registry.ts';

const ALERT = {
  model: 'delays',
  version: 2,
  window: '2001-04-24T00:00:00.000Z/2001-05-01T00:00:00.000Z',
  action: 'alert' as const,
  verdict: 'drifted',
  reasons: ['PSI of distance is 0.31'],
  retraining: null,
};

let open: TestRegistry;
beforeEach(async () => void (open = await openTestRegistry()));
afterEach(() => open.close());

it('an alert is written once for a window and what is done about it', async () => {
  await open.registry.recordAlert(ALERT);
  await open.registry.recordAlert(ALERT);
  await open.registry.recordAlert({ ...ALERT, action: 'retrain', retraining: 'train-to-deploy/delays/monitor' });
  expect(await open.registry.activityLog('delays')).toMatchObject([
    { action: 'MONITOR_ALERT', version: 2, details: { action: 'alert', reasons: ['PSI of distance is 0.31'] } },
    {
      action: 'MONITOR_ALERT',
      version: 2,
      details: { action: 'retrain', retraining: 'train-to-deploy/delays/monitor' },
    },
  ]);
});
