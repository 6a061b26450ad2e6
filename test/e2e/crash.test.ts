import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TrainToDeployResult } from '../../contracts/train-to-deploy.ts';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import { expectInvariants } from '../registry/registry-invariants.ts';
import { type EnvironmentRecords, openRecords } from '../support/environment-records.ts';
import { struck } from '../support/faults.ts';
import { impatientBundle } from '../support/impatient-bundle.ts';
import { type OwnWorkers, ownWorkers } from '../support/own-workers.ts';
import { PROJECT } from '../support/small-flights.ts';
import { startTestStack, type TestStack, waitAtGate, waitForStatus } from '../support/test-stack.ts';

/** Every activity of a superstep that is promoted, as often as it is called: a table is staged five times. */
const ACTIVITIES = [
  ...['acceptInput', 'acceptInput', 'acceptInput'],
  ...['planRefresh', 'stageTable', 'stageTable', 'stageTable', 'stageTable', 'stageTable', 'adoptRefresh'],
  ...['prepareTrainingData', 'trainModel', 'checkParity', 'evaluateModel'],
  ...['logTrainingRun', 'registerModelVersion', 'requestStaging'],
  ...['pinPromotion', 'checkCompliance', 'compareModels', 'recordComparison', 'prepareEvidence', 'openApproval'],
  ...[
    'recordDecision',
    'promoteModelVersion',
    'confirmServing',
    'rebaseMonitor',
    'notifyPromoted',
    'releaseRetrainingLease',
  ],
];

describe('a superstep whose workers are killed', () => {
  let server: TestStack;
  let markers: string;
  let disturbed: OwnWorkers;
  let calm: OwnWorkers;
  let disturbedRecords: EnvironmentRecords;
  let calmRecords: EnvironmentRecords;
  beforeAll(async () => {
    server = await startTestStack({ environments: [] });
    markers = join(server.folder, 'markers');
    await mkdir(markers);
    const workflowBundle = await impatientBundle(server.folder);
    const home = (name: string): string => join(server.folder, name);
    disturbed = await ownWorkers(server, { home: home('disturbed'), namespace: 'prod', workflowBundle });
    calm = await ownWorkers(server, { home: home('calm'), namespace: 'staging', workflowBundle });
    await Promise.all([disturbed.all({ markers, killEverywhere: true }), calm.all()]);
    disturbedRecords = await openRecords(join(home('disturbed'), 'prod'));
    calmRecords = await openRecords(join(home('calm'), 'prod'));
  });
  afterAll(async () => {
    await disturbedRecords?.close();
    await calmRecords?.close();
    await Promise.all([disturbed?.stop(), calm?.stop()]);
    await server?.stop();
  });

  /** Carries a superstep through its gate. */
  const run = async (namespace: string, { version, asOf, atGate }: Journey): Promise<TrainToDeployResult> => {
    const client = new Client({ connection: server.client.connection, namespace });
    const handle = await client.workflow.start('trainToDeploy', {
      taskQueue: SUPERSTEP_QUEUE,
      workflowId: `train-to-deploy/${PROJECT}/${asOf}`,
      args: [{ project: PROJECT, asOf: `${asOf}T00:00:00Z` }],
    });
    const promotion = `promote-model/${PROJECT}/${version}`;
    const { digest } = await waitAtGate(client, promotion, 400_000);
    await atGate?.();
    await client.workflow
      .getHandle(promotion)
      .signal('approve', { approver: 'governance', comment: 'good', evidence: digest });
    return (await handle.result()) as TrainToDeployResult;
  };

  it('goes on from every boundary of every activity, and leaves what an undisturbed one leaves', async () => {
    const journey = { version: 1, asOf: '2001-02-20' };
    const [harmed, unharmed] = await Promise.all([run('prod', journey), run('staging', journey)]);
    const kills = (await struck(markers)).map((name) => name.replace(/@.*\./, '.'));
    expect(kills.sort()).toEqual(ACTIVITIES.flatMap((activity) => [`${activity}.after`, `${activity}.before`]).sort());
    expect(harmed).toMatchObject({ outcome: 'promoted', training: { onnx: unharmed.training?.onnx } });
    expect(harmed.promotion?.steps).toMatchObject(
      unharmed.promotion?.steps.map(({ step, status }) => ({ step, status })) ?? [],
    );

    expect(await disturbedRecords.lakeCounts()).toEqual(await calmRecords.lakeCounts());
    const contents = await disturbedRecords.lakeContents();
    expect(Object.keys(contents)).toEqual(expect.arrayContaining(['silver.flights', 'gold.route_history']));
    expect(contents).toEqual(await calmRecords.lakeContents());
    expect(await disturbedRecords.registryCounts()).toEqual(await calmRecords.registryCounts());
    await standsInOrder(disturbedRecords, 1);
  }, 450_000);

  it('goes on when the server is killed in the middle of a training and at the gate', async () => {
    const killServer = async (): Promise<void> => {
      const temporal = server.stack.processes.find(({ name }) => name === 'Temporal server');
      const restarts = temporal?.restarts() ?? 0;
      process.kill(-(temporal?.pid() ?? Number.NaN), 'SIGKILL');
      await vi.waitFor(() => expect(temporal?.restarts()).toBe(restarts + 1), { timeout: 20_000 });
    };
    const journey = { version: 2, asOf: '2001-03-28', atGate: killServer };
    const staging = new Client({ connection: server.client.connection, namespace: 'staging' });
    const [result] = await Promise.all([
      run('staging', journey),
      waitForStatus(staging, `train-to-deploy/${PROJECT}/${journey.asOf}/train`, ({ phase }) => phase === 'train').then(
        killServer,
      ),
    ]);
    expect(result).toMatchObject({ outcome: 'promoted', promotion: { version: 2, previousVersion: 1 } });
    await standsInOrder(calmRecords, 2);
    const [flights] = await calmRecords.lakeRows(
      'SELECT count(*)::INTEGER AS rows, count(DISTINCT _row)::INTEGER AS keys FROM lake.bronze.flights',
    );
    expect(flights?.['rows']).toBe(flights?.['keys']);
  }, 180_000);
});

interface Journey {
  readonly version: number;
  readonly asOf: string;
  readonly atGate?: () => Promise<void>;
}

/** One Production, the newest; a run and a version each; no request open, none doubled; all artifacts whole. */
async function standsInOrder(records: EnvironmentRecords, newest: number): Promise<void> {
  const { registry, artifacts } = records;
  await expectInvariants(registry, PROJECT);
  const versions = await registry.modelVersions(PROJECT);
  expect(versions).toHaveLength(newest);
  expect(versions.map(({ stage }) => stage)).toEqual(
    versions.map((_, i) => (i === newest - 1 ? 'Production' : 'Archived')),
  );
  const requests = await records.registryRows('transition_requests');
  expect(requests.map((row) => [row['version'], row['to_stage'], row['status']])).toEqual(
    versions.flatMap(({ version }) => [
      [version, 'Staging', 'approved'],
      [version, 'Production', 'approved'],
    ]),
  );
  expect(await records.registryRows('decisions')).toHaveLength(newest);
  expect(await records.registryRows('gate_results')).toHaveLength(2 * newest);
  const runs = await records.registryRows('runs');
  expect(runs).toHaveLength(newest);
  for (const { id } of runs) {
    const { artifacts: files } = await registry.getRun(String(id));
    for (const ref of Object.values(files)) await artifacts.verify(ref);
  }
}
