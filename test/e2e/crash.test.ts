import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainToDeployResult } from '../../contracts/train-to-deploy.ts';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import { expectInvariants } from '../registry/registry-invariants.ts';
import { type EnvironmentRecords, openRecords } from '../support/environment-records.ts';
import { struck } from '../support/faults.ts';
import { impatientBundle } from '../support/impatient-bundle.ts';
import { type OwnWorkers, ownWorkers } from '../support/own-workers.ts';
import { PROJECT } from '../support/small-flights.ts';
import { startTestStack, type TestStack, waitAtGate } from '../support/test-stack.ts';

const SUPERSTEP = `train-to-deploy/${PROJECT}/february`;
const INPUT = { project: PROJECT, asOf: '2001-02-20T00:00:00Z' };

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

  const run = async (namespace: string): Promise<TrainToDeployResult> => {
    const client = new Client({ connection: server.client.connection, namespace });
    const handle = await client.workflow.start('trainToDeploy', {
      taskQueue: SUPERSTEP_QUEUE,
      workflowId: SUPERSTEP,
      args: [INPUT],
    });
    const promotion = `promote-model/${PROJECT}/1`;
    const { digest } = await waitAtGate(client, promotion, 400_000);
    await client.workflow
      .getHandle(promotion)
      .signal('approve', { approver: 'governance', comment: 'good', evidence: digest });
    return (await handle.result()) as TrainToDeployResult;
  };

  it('goes on from every boundary of every activity, and leaves what an undisturbed one leaves', async () => {
    const t0 = Date.now();
    const [harmed, unharmed] = await Promise.all([
      run('prod'),
      run('staging').then((r) => (console.log('calm', Date.now() - t0), r)),
    ]);
    console.log(Date.now() - t0, await struck(markers));
    expect(harmed.outcome).toBe('promoted');
    expect(await disturbedRecords.lakeCounts()).toEqual(await calmRecords.lakeCounts());
    expect(await disturbedRecords.registryCounts()).toEqual(await calmRecords.registryCounts());
    await expectInvariants(disturbedRecords.registry, PROJECT);
    void unharmed;
  }, 500_000);
});
