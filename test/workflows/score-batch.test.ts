import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AS_OF, artifact, CHAMPION, PINNED, PROJECT, SCORING } from './sample-values.ts';
import { startWorkflowEnv, status, type WorkflowEnv } from './workflow-env.ts';

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'));
});
afterAll(() => env.stop());

const WINDOW = { from: '2001-04-24T00:00:00.000Z', until: AS_OF };
const SCORED = {
  outcome: 'scored',
  ...WINDOW,
  rows: 114_000,
  table: 'gold.predictions',
  snapshot: 43,
  model: PROJECT,
  version: CHAMPION,
};

describe('scoreBatch', () => {
  it('scores the last window with the Production version, by digest, when no window is given', async () => {
    env.mocks.answer();
    const handle = await env.start('scoreBatch', { project: PROJECT });
    expect(await handle.result()).toEqual(SCORED);
    expect(env.mocks.calls('buildScoringRows')).toEqual([{ pinned: PINNED, scoring: SCORING, ...WINDOW }]);
    expect(env.mocks.calls('scoreRows')).toEqual([{ scoring: SCORING, data: artifact('9') }]);
    expect(env.mocks.order()).not.toContain('exportPredictions');
    expect((await status(handle)).details).toContain('114000 predictions of version 6 in `gold.predictions`');
  });

  it('writes a file as well when asked, of what was published', async () => {
    env.mocks.answer();
    const sink = { format: 'csv', path: 'june/predictions.csv' };
    const handle = await env.start('scoreBatch', { project: PROJECT, ...WINDOW, sink });
    expect(await handle.result()).toEqual({ ...SCORED, file: 'exports/june/predictions.csv' });
    expect(env.mocks.order().slice(-2)).toEqual(['publishPredictions', 'exportPredictions']);
    expect(env.mocks.calls('exportPredictions')).toEqual([{ pinned: PINNED, scoring: SCORING, ...WINDOW, sink }]);
  });

  it('ends when nothing is in Production', async () => {
    env.mocks.answer({ selectProductionModel: async () => null });
    const handle = await env.start('scoreBatch', { project: PROJECT });
    expect(await handle.result()).toEqual({
      outcome: 'no-production',
      ...WINDOW,
      rows: 0,
      table: null,
      snapshot: null,
      model: PROJECT,
      version: null,
    });
    expect(env.mocks.order()).toEqual(['acceptInput', 'selectProductionModel']);
  });

  it('ends when the window has no rows; nothing is published', async () => {
    env.mocks.answer({ buildScoringRows: async () => null });
    const handle = await env.start('scoreBatch', { project: PROJECT });
    expect(await handle.result()).toMatchObject({ outcome: 'no-rows', rows: 0, table: null, version: CHAMPION });
    expect(env.mocks.order()).not.toContain('publishPredictions');
  });
});
