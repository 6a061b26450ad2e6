import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RefreshFeaturesResult } from '../../contracts/refresh-features.ts';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import type { TrainModelResult } from '../../contracts/train-model.ts';
import type { WorkflowType } from '../../contracts/workflow-ids.ts';
import type { SupervisedProcess } from '../../scripts/processes/supervise-process.ts';
import { environmentPaths } from '../../workers/configuration.ts';
import { runSql } from '../support/delayed-flights.ts';
import { type EnvironmentRecords, openRecords } from '../support/environment-records.ts';
import { struck } from '../support/faults.ts';
import { impatientBundle } from '../support/impatient-bundle.ts';
import { type OwnWorkers, ownWorkers } from '../support/own-workers.ts';
import { PROJECT } from '../support/small-flights.ts';
import { startTestStack, type TestStack } from '../support/test-stack.ts';

/** A data worker stops past its heartbeat, another one takes over and finishes, and then the first goes on. */
describe('a frozen data worker', () => {
  let server: TestStack;
  let workers: OwnWorkers;
  let zombie: SupervisedProcess;
  let records: EnvironmentRecords;
  let markers: string;
  beforeAll(async () => {
    server = await startTestStack({ environments: [] });
    markers = join(server.folder, 'markers');
    const home = join(server.folder, 'own');
    const environment = join(home, 'prod');
    const { lakeData, scratch } = environmentPaths(environment);
    for (const folder of [markers, lakeData, scratch]) await mkdir(folder, { recursive: true });
    const workflowBundle = await impatientBundle(server.folder);
    workers = await ownWorkers(server, { home, namespace: 'prod', workflowBundle });
    const freezes = [
      { activity: 'stageTable', when: 'file', folder: lakeData },
      { activity: 'adoptRefresh', when: 'before' },
      { activity: 'trainModel', when: 'file', folder: scratch },
    ] as const;
    [zombie] = await Promise.all([workers.worker('data', { markers, freezes }), workers.worker('workflows')]);
    records = await openRecords(environment);
  });
  afterAll(async () => {
    // Frozen, it would hear of nothing.
    thaw();
    await records?.close();
    await workers?.stop();
    await server?.stop();
  });

  const thaw = (): void => {
    const pid = zombie?.pid();
    if (pid !== undefined) process.kill(-pid, 'SIGCONT');
  };
  const waitForMarker = (name: string): Promise<void> =>
    vi.waitFor(async () => expect(await struck(markers)).toContain(name), { timeout: 60_000, interval: 50 });

  /** Starts a workflow, lets the zombie freeze in the activity, a second worker finish, `meanwhile` happen, the zombie thaw. */
  const overtake = async <Result>(
    activity: string,
    type: WorkflowType,
    input: unknown,
    meanwhile: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Result> => {
    const workflowId = `${type}/${activity}`;
    const handle = await server.client.workflow.start(type, { taskQueue: SUPERSTEP_QUEUE, workflowId, args: [input] });
    await waitForMarker(`${activity}.frozen`);
    const second = await workers.worker('data');
    const result = (await handle.result()) as Result;
    await meanwhile();
    const history = await handle.fetchHistory();
    const late = history.events?.some(
      ({ activityTaskStartedEventAttributes: started }) => (started?.lastFailure?.timeoutFailureInfo ?? null) !== null,
    );
    expect(late).toBe(true);
    await second.stop();

    const before = await state();
    thaw();
    await waitForMarker(`${activity}.returned`);
    expect(await state()).toEqual(before);
    return result;
  };
  const state = async (): Promise<unknown> => [
    await records.lakeCounts(),
    await records.lakeContents(),
    await records.fingerprint(),
  ];

  it('in the middle of staging a table: the files of the other are published, and stay whole', async () => {
    const asOf = '2001-02-10T00:00:00Z';
    const result = await overtake<RefreshFeaturesResult>('stageTable', 'refreshFeatures', { project: PROJECT, asOf });
    await holdsEachFlightOnce('2001-02-10');
    const counts = await records.lakeCounts();
    expect(Object.fromEntries(result.tables.map(({ table, total }) => [table, total]))).toEqual(
      Object.fromEntries(result.tables.map(({ table }) => [table, counts[table]])),
    );
    expect(counts['main.commits']).toBe(1);
  });

  it('before publishing a refresh: it finds the published one, though another has followed', async () => {
    const refresh = (asOf: string) => ({ project: PROJECT, asOf });
    await overtake<RefreshFeaturesResult>(
      'adoptRefresh',
      'refreshFeatures',
      refresh('2001-02-15T00:00:00Z'),
      async () => {
        await server.client.workflow.execute('refreshFeatures', {
          taskQueue: SUPERSTEP_QUEUE,
          workflowId: 'refreshFeatures/later',
          args: [refresh('2001-02-20T00:00:00Z')],
        });
      },
    );
    await holdsEachFlightOnce('2001-02-20');
    expect((await records.lakeCounts())['main.commits']).toBe(3);
  });

  it('in the middle of a training: one run, one version, and its files intact', async () => {
    const result = await overtake<TrainModelResult>('trainModel', 'trainModel', {
      project: PROJECT,
      asOf: '2001-02-20T00:00:00Z',
    });
    const run = await records.registry.getRun(result.runId);
    for (const ref of Object.values(run.artifacts)) await records.artifacts.verify(ref);
    expect(await records.registryRows('runs')).toHaveLength(1);
    expect(await records.registry.modelVersions(PROJECT)).toMatchObject([{ version: 1, stage: 'None' }]);
  });

  const holdsEachFlightOnce = async (until: string): Promise<void> => {
    const [expected] = await runSql(
      `SELECT count(*)::INTEGER AS rows FROM '${server.project.sourceFile}' WHERE date <= '${until}'`,
    );
    const [found] = await records.lakeRows(
      `SELECT count(*)::INTEGER AS rows, count(DISTINCT _row)::INTEGER AS keys,
         (SELECT count(DISTINCT _row)::INTEGER FROM
           (SELECT _row FROM lake.silver.flights UNION ALL SELECT _row FROM lake.silver.flights_quarantine)) AS silver
       FROM lake.bronze.flights`,
    );
    const rows = expected?.['rows'];
    expect(found).toEqual({ rows, keys: rows, silver: rows });
  };
});
