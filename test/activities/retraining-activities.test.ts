import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { pinProject } from '../../activities/project-activities.ts';
import { createRetrainingActivities } from '../../activities/retraining-activities.ts';
import { openTestRegistry } from '../registry/open-test-registry.ts';
import { AS_OF, monitored } from '../workflows/sample-values.ts';
import { MODEL, promotionDependencies } from './trained-version.ts';

it('tells of an alert what is done about it, and what was seen; of a healthy window nothing', async () => {
  const t = await openTestRegistry();
  onTestFinished(() => t.close());
  const deps = await promotionDependencies(t, '{ approvers: [governance] }');
  const pinned = await pinProject({ ...deps, projectRoots: [join(t.folder, 'projects')] }, MODEL, true);
  const retraining = createRetrainingActivities(deps);
  const healthy = await retraining.decideRetraining({ pinned, monitored: monitored(), asOf: AS_OF });
  expect(healthy).toEqual({ action: 'none', reasons: [], retraining: null });
  const drifted = monitored({ verdict: 'drifted', reasons: ['distance drifted: PSI 0.31, above 0.2.'] });
  const decided = await retraining.decideRetraining({ pinned, monitored: drifted, asOf: AS_OF });
  expect(decided).toMatchObject({ action: 'alert', retraining: null });
  const told = (await t.registry.activitiesAfter(0, 1000)).filter(({ action }) => action === 'MONITOR_ALERT');
  expect(told).toMatchObject([{ details: { reasons: [...decided.reasons, ...drifted.reasons] } }]);
});
