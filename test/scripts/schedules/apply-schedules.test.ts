import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../../scripts/dev-server/ports.ts';
import { readDevConfig } from '../../../scripts/dev-server/read-dev-config.ts';
import { type DevServer, startDevServer } from '../../../scripts/dev-server/start-dev-server.ts';
import { applySchedules, listSchedules, removeSchedules } from '../../../scripts/schedules/apply-schedules.ts';
import { loadPolicy } from '../../../projects/load-policy.ts';
import {
  applyGovernanceSchedules,
  listGovernanceSchedules,
  removeGovernanceSchedules,
} from '../../../scripts/schedules/governance-schedules.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeParts } from '../../support/native-parts.ts';

let home: string;
let server: DevServer;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'superstep-test-'));
  const { temporalCli } = nativeParts();
  const [ports, config] = [await freePorts(), await readDevConfig()];
  server = await startDevServer({ cli: temporalCli, home, ports, config, report: () => undefined });
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection, namespace: 'prod' });
});

afterAll(async () => {
  await connection?.close();
  await server?.stop();
  await rm(home, { recursive: true, force: true });
});

const PROJECT = {
  project: 'flights-delay',
  schedules: { refresh: '0 3 * * *', monitor: '0 5 * * 1', retrain: '0 6 1 * *' },
};

describe('the schedules of a project', () => {
  it('are created, updated and removed as its definition says, as often as one likes', async () => {
    expect(await applySchedules(client.schedule, PROJECT, 'prod')).toEqual({
      refresh: 'created',
      score: 'absent',
      monitor: 'created',
      retrain: 'created',
    });
    expect(await applySchedules(client.schedule, PROJECT, 'prod')).toEqual({
      refresh: 'updated',
      score: 'absent',
      monitor: 'updated',
      retrain: 'updated',
    });
    const changed = { project: 'flights-delay', schedules: { refresh: '0 4 * * *', score: '30 4 * * *' } };
    expect(await applySchedules(client.schedule, changed, 'prod')).toEqual({
      refresh: 'updated',
      score: 'created',
      monitor: 'removed',
      retrain: 'removed',
    });
    const standing = await listSchedules(client.schedule, 'flights-delay');
    expect(standing.map(({ id, next }) => [id, next?.slice(11)])).toEqual([
      ['flights-delay/refresh', '04:00:00.000Z'],
      ['flights-delay/score', '04:30:00.000Z'],
    ]);
    expect(Object.values(await removeSchedules(client.schedule, 'flights-delay'))).toEqual([
      'removed',
      'removed',
      'absent',
      'absent',
    ]);
    expect(await listSchedules(client.schedule, 'flights-delay')).toEqual([]);
  });

  it('skip overlaps, make up for ten minutes only, and stay paused when an operator paused them', async () => {
    const project = { ...PROJECT, project: 'paused-project' };
    await applySchedules(client.schedule, project, 'prod');
    const handle = client.schedule.getHandle('paused-project/refresh');
    await handle.pause('maintenance');
    await applySchedules(client.schedule, project, 'prod');
    const { policies, state } = await handle.describe();
    expect(policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 600_000, pauseOnFailure: false });
    expect(state).toMatchObject({ paused: true, note: 'maintenance' });
    await removeSchedules(client.schedule, 'paused-project');
  });

  it('start the workflow with the id, input, summary and attributes that people search for', async () => {
    const project = { ...PROJECT, project: 'started-project' };
    await applySchedules(client.schedule, project, 'prod');
    await client.schedule.getHandle('started-project/retrain').trigger();
    const { recentActions } = (await client.schedule.getHandle('started-project/retrain').describe()).info;
    const started = recentActions[0]?.action.workflow.workflowId ?? '';
    expect(started).toMatch(/^train-to-deploy\/started-project\/scheduled-\d{4}-\d\d-\d\dT/);
    const description = await client.workflow.getHandle(started).describe();
    expect(description).toMatchObject({ type: 'trainToDeploy', taskQueue: 'superstep' });
    expect(await description.staticSummary()).toBe(
      'Retrain and ask to deploy started-project, by schedule (0 6 1 * *)',
    );
    const attributes = Object.fromEntries(
      description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    );
    expect(attributes).toMatchObject({ MlModel: 'started-project', MlEnvironment: 'prod', MlTrigger: 'schedule' });
    const { history } = await connection.workflowService.getWorkflowExecutionHistory({
      namespace: 'prod',
      execution: { workflowId: started },
    });
    const input = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    expect(JSON.parse(Buffer.from(input ?? []).toString())).toEqual({
      project: 'started-project',
      trigger: 'schedule',
    });
    await removeSchedules(client.schedule, 'started-project');
  });
});

describe('the schedules of an environment', () => {
  it('are those that its policy asks for, and start the workflows of governance', async () => {
    const { policy } = await loadPolicy('policies', 'prod');
    const often = { ...policy, audit: { heads: { ...policy.audit.heads, every: '15m' } } };
    for (const change of ['created', 'updated'] as const) {
      expect(await applyGovernanceSchedules(client.schedule, often, 'prod')).toEqual({
        'audit-head': change,
        reconcile: change,
        recertify: change,
      });
    }
    const head = await client.schedule.getHandle('governance/audit-head').describe();
    expect(head.spec.intervals).toMatchObject([{ every: 15 * 60_000 }]);
    expect(head.action).toMatchObject({
      workflowType: 'writeAuditHead',
      workflowId: 'write-audit-head/prod/scheduled',
    });
    expect((await listGovernanceSchedules(client.schedule)).map(({ id }) => id)).toEqual([
      'governance/audit-head',
      'governance/reconcile',
      'governance/recertify',
    ]);
    expect(Object.values(await removeGovernanceSchedules(client.schedule))).toEqual(['removed', 'removed', 'removed']);
    expect(await listGovernanceSchedules(client.schedule)).toEqual([]);
  });
});
