import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMonitoringActivities } from '../../activities/monitoring-activities.ts';
import type { MonitoredWindow } from '../../contracts/monitor-model.ts';
import { type SmallLake, smallLake } from '../lakehouse/small-lake.ts';

const WEEK = { from: '2001-05-01T00:00:00.000Z', until: '2001-05-08T00:00:00.000Z', asOf: '2001-05-09T00:00:00.000Z' };
const TRAINED_AS_OF = '2001-05-08T00:00:00.000Z';

describe('monitorWindow, the activity', () => {
  let small: SmallLake;
  beforeAll(async () => {
    small = await smallLake('taxi');
  });
  afterAll(() => small.remove());

  const monitor = (): Promise<MonitoredWindow> => {
    const pinned = { project: 'taxi', model: 'taxi', projectDigest: 'ab'.repeat(32) };
    const inputs = { pinned, dataset: { asOf: TRAINED_AS_OF } };
    const activities = createMonitoringActivities({
      lake: small.lake,
      artifacts: { readJson: () => Promise.resolve({}) },
      registry: {
        getModelVersion: (model: string, version: number) =>
          Promise.resolve({ model, version, runId: 'run', onnx: {} }),
        getRun: () => Promise.resolve({ runId: 'run', inputs, artifacts: {} }),
      },
    } as never);
    const input = { pinned, ...WEEK } as never;
    return new MockActivityEnvironment().run(() => activities.monitorWindow(input));
  };

  it('judges nothing before the first scoring, nor by rows that the version was trained or evaluated on', async () => {
    const before = await monitor();
    expect(before).toMatchObject({ verdict: 'insufficient-data', summary: { version: null, rows: 0 } });
    expect(before.reasons[0]).toMatch(/^No predictions between .* run scoreBatch/);

    await small.commit(
      'predictions',
      WEEK.asOf,
      `CREATE TABLE lake.gold.taxi_predictions AS SELECT 1::INTEGER AS model_version, hour AS event_time
       FROM range(TIMESTAMP '2001-05-01', TIMESTAMP '2001-05-08', INTERVAL 1 HOUR) AS t(hour)`,
    );
    const own = await monitor();
    expect(own).toMatchObject({ verdict: 'insufficient-data', summary: { version: null, rows: 0 } });
    expect(own.reasons).toEqual([
      expect.stringMatching(
        /no predictions that were made for rows after the model's training \(version 1 as of 2001-05-08/,
      ),
    ]);
    expect(await small.lake.latest('metrics', 'taxi')).toBeUndefined();
  });
});
