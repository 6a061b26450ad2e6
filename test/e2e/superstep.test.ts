import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { MonitorModelResult } from '../../contracts/monitor-model.ts';
import type { RefreshFeaturesResult } from '../../contracts/refresh-features.ts';
import type { RollBackModelResult } from '../../contracts/roll-back-model.ts';
import type { ScoreBatchResult } from '../../contracts/score-batch.ts';
import type { TrainToDeployResult } from '../../contracts/train-to-deploy.ts';
import { ROOT } from '../../scripts/stack/stack-home.ts';
import { expectInvariants } from '../registry/registry-invariants.ts';
import { runSql } from '../support/delayed-flights.ts';
import type { EnvironmentRecords } from '../support/environment-records.ts';
import { PROJECT } from '../support/small-flights.ts';
import {
  runWorkflow,
  startTestStack,
  type TestStack,
  type WaitingGate,
  waitAtGate,
  waitForStatus,
} from '../support/test-stack.ts';

const FIRST = `train-to-deploy/${PROJECT}/february`;
const SECOND = `train-to-deploy/${PROJECT}/march`;
const PREDICTIONS = 'lake.gold.flights_delay_predictions';

/** A journey: each step goes on from the one before. */
describe('the superstep in prod', () => {
  let superstep: TestStack;
  let records: EnvironmentRecords;
  let gate: WaitingGate;
  beforeAll(async () => {
    superstep = await startTestStack();
  });
  afterAll(() => superstep?.stop());

  const start = (id: string, asOf: string): Promise<unknown> =>
    superstep.cli(
      ...['workflow', 'start', '--type', 'trainToDeploy', '--task-queue', 'superstep', '--workflow-id', id],
      ...['--id-reuse-policy', 'RejectDuplicate', '--fail-existing', '--static-summary', `Superstep as of ${asOf}`],
      ...['--input', JSON.stringify({ project: PROJECT, asOf })],
    );
  const signal = (name: string, input: unknown, version = 1): Promise<unknown> =>
    superstep.cli(
      ...['workflow', 'signal', '--workflow-id', `promote-model/${PROJECT}/${version}`, '--name', name],
      ...['--input', JSON.stringify(input)],
    );
  const resultOf = (id: string): Promise<TrainToDeployResult> =>
    superstep.client.workflow.getHandle(id).result() as Promise<TrainToDeployResult>;
  const endpoint = (path: string, body?: unknown): Promise<Response> =>
    fetch(`${superstep.stack.addresses.endpoints.prod}${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    });
  const servedVersions = async (): Promise<unknown> =>
    ((await (await endpoint(`/v2/models/${PROJECT}`)).json()) as { versions?: string[] }).versions;

  it('is started with the Temporal CLI and waits at the gate', async () => {
    await start(FIRST, '2001-02-20T00:00:00Z');
    gate = await waitAtGate(superstep.client, `promote-model/${PROJECT}/1`);
    records = await superstep.records();
    expect(gate.digest).toMatch(/^[0-9a-f]{12}$/);
    expect(gate.details).toContain('| **compliance** | **pass** |');
    expect(gate.details).toMatch(/\| \*\*comparison\*\* \| \*\*pass\*\* \|.* Compared with the baseline\./);
    expect((await records.registry.modelVersions(PROJECT)).map((v) => v.stage)).toEqual(['Staging']);
    expect((await endpoint(`/v2/models/${PROJECT}`)).status).toBe(404);
  });

  it('has published what was known by the as-of, each row once', async () => {
    const landed = "date + to_minutes(greatest(1, 30 + distance // 8 + delay)) <= TIMESTAMP '2001-02-20'";
    const source = `'${superstep.project.sourceFile}'`;
    const [expected] = await runSql(
      `SELECT count(*)::INTEGER AS rows, count(*) FILTER (${landed})::INTEGER AS landed FROM ${source} WHERE date <= '2001-02-20'`,
    );
    const [found] = await records.lakeRows(
      'SELECT count(DISTINCT _row)::INTEGER AS rows, count(delay)::INTEGER AS landed FROM lake.bronze.flights',
    );
    expect(found).toEqual(expected);
    const counts = await records.lakeCounts();
    expect(counts['bronze.flights']).toBe(expected?.['rows']);
    expect((counts['silver.flights'] ?? 0) + (counts['silver.flights_quarantine'] ?? 0)).toBe(expected?.['rows']);
    expect(counts).toMatchObject({ 'main.commits': 2, 'gold.expectation_results': 2 });
    const [doubled] = await records.lakeRows(
      `SELECT count(*)::INTEGER - count(DISTINCT (origin, hour))::INTEGER AS airports,
         (SELECT count(*) - count(DISTINCT (origin, destination, day)) FROM lake.gold.route_history)::INTEGER AS routes
       FROM lake.gold.airport_hour`,
    );
    expect(doubled).toEqual({ airports: 0, routes: 0 });
  });

  it('serves one self-contained evidence page', async () => {
    const response = await fetch(gate.evidenceUrl);
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(page).toContain(gate.digest);
    expect(page.match(/<svg/g)?.length).toBeGreaterThanOrEqual(3);
    const references = [...page.matchAll(/\b(?:src|href)="([^"]*)|url\(["']?([^)"']*)|@import (.*)/g)];
    const fetched = references.map(([, ...groups]) => groups.find((group) => group !== undefined) ?? '');
    expect(fetched.filter((reference) => !/^(#|data:|$)/.test(reference))).toEqual([]);
    expect(page.includes('<script')).toBe(false);
    expect((await fetch(gate.evidenceUrl.slice(0, gate.evidenceUrl.indexOf('/prod/')))).status).toBe(200);
  });

  it('records, shows and does not count what is no decision', async () => {
    const good = { approver: 'governance', comment: 'fine', evidence: gate.digest };
    await signal('approve', { ...good, approver: 'passer-by' });
    await signal('approve', { ...good, comment: ' ' });
    await signal('reject', { ...good, evidence: '0123456789ab' });
    await signal('approve', ['nonsense']);
    const refused = superstep.cli(
      ...['workflow', 'update', 'execute', '--workflow-id', `promote-model/${PROJECT}/1`, '--name', 'decide'],
      ...['--input', JSON.stringify({ ...good, decision: 'perhaps' })],
    );
    await expect(refused).rejects.toThrow(/Not counted: no decision in it/);
    const reasons = ['"passer-by" is no approver here', 'it has no comment', 'it is about other evidence'];
    await waitForStatus(superstep.client, `promote-model/${PROJECT}/1`, ({ details }) =>
      reasons.every((why) => details.includes(`not counted: ${why}`)),
    );
    // Each is shown once it is recorded; the last one, which names nobody, may still be on its way.
    const decisions = await vi.waitFor(
      async () => {
        const rows = await records.registryRows('decisions');
        expect(rows.length).toBeGreaterThanOrEqual(4);
        return rows;
      },
      { timeout: 30_000, interval: 100 },
    );
    expect(decisions.map((row) => [row['approver'], row['decision'], row['counted']])).toEqual([
      ['passer-by', 'approve', 0],
      ['governance', 'approve', 0],
      ['governance', 'reject', 0],
      ['', 'approve', 0],
    ]);
  });

  it('is promoted by the printed command, and served', async () => {
    const command = /```\n(npm run temporal -- workflow update execute.*)\n```/.exec(gate.details)?.[1] ?? '';
    expect(command).toContain('"decision":"approve"');
    const answer = await promisify(execFile)('sh', ['-c', command.replace('WHY', 'beats the baseline')], { cwd: ROOT });
    expect(answer.stdout).toContain('outcome:approved');

    const result = await resultOf(FIRST);
    expect(result).toMatchObject({
      outcome: 'promoted',
      refresh: { outcome: 'refreshed' },
      training: { outcome: 'registered', version: 1 },
      promotion: { outcome: 'promoted', version: 1, previousVersion: null },
    });
    const steps = Object.fromEntries(result.promotion?.steps.map(({ step, status }) => [step, status]) ?? []);
    expect(steps).toMatchObject({ 'enter-production': 'done', 'close-request': 'done', serve: 'done' });
    expect((await endpoint(`/v2/models/${PROJECT}`)).status).toBe(200);
    expect(await records.registry.productionHistory(PROJECT)).toMatchObject([
      { version: 1, leftAt: null, enteredThrough: 'promotion', decidedBy: ['governance'] },
    ]);
    await expectInvariants(records.registry, PROJECT);
  });

  it('takes in what became known since, and nothing twice', async () => {
    const asOf = '2001-03-08T00:00:00Z';
    const refresh = (): Promise<RefreshFeaturesResult> =>
      runWorkflow(superstep.client, 'refreshFeatures', `refresh-features/${PROJECT}`, { project: PROJECT, asOf });
    expect(await refresh()).toMatchObject({ outcome: 'refreshed' });
    const counts = await records.lakeCounts();
    expect(await refresh()).toMatchObject({ outcome: 'no-new-data' });
    expect(await records.lakeCounts()).toEqual(counts);
    const [expected] = await runSql(
      `SELECT count(*)::INTEGER AS rows FROM '${superstep.project.sourceFile}' WHERE date <= '2001-03-08'`,
    );
    const [found] = await records.lakeRows(
      'SELECT count(DISTINCT _row)::INTEGER AS rows, count(*)::INTEGER AS all FROM lake.bronze.flights',
    );
    expect(found).toEqual({ rows: expected?.['rows'], all: expected?.['rows'] });
  });

  it('scores a week into the lake and a file, as the endpoint does', async () => {
    const window = { from: '2001-02-28T00:00:00Z', until: '2001-03-07T00:00:00Z' };
    const score = (key: string): Promise<ScoreBatchResult> =>
      runWorkflow(superstep.client, 'scoreBatch', `score-batch/${PROJECT}/${key}`, {
        project: PROJECT,
        ...window,
        sink: { format: 'csv', path: 'march/predictions.csv' },
      });
    const scored = await score('1');
    const [expected] = await runSql(
      `SELECT count(*)::INTEGER AS rows FROM '${superstep.project.sourceFile}'
       WHERE date >= '2001-02-28' AND date < '2001-03-07' AND (delay IS NULL OR delay BETWEEN -120 AND 1440)`,
    );
    expect(scored).toMatchObject({ outcome: 'scored', version: 1, rows: expected?.['rows'] });
    const lines = (await readFile(join(superstep.home, 'prod', 'exports', scored.file ?? ''), 'utf8')).trim();
    expect(lines.split('\n')).toHaveLength(scored.rows + 1);
    expect(await score('2')).toMatchObject({ outcome: 'scored', rows: scored.rows });
    const [table] = await records.lakeRows(
      `SELECT count(*)::INTEGER AS rows, count(DISTINCT (_file, _row))::INTEGER AS keys FROM ${PREDICTIONS}`,
    );
    expect(table).toEqual({ rows: scored.rows, keys: scored.rows });

    const { features } = (await (await endpoint(`/v2/models/${PROJECT}`)).json()) as { features: string[] };
    const rows = await records.lakeRows(`FROM ${PREDICTIONS} ORDER BY _row LIMIT 20`);
    const data = rows.flatMap((row) => features.map((feature) => row[feature] ?? null));
    const answer = await endpoint(`/v2/models/${PROJECT}/infer`, {
      id: 'twenty',
      inputs: [{ name: 'features', shape: [rows.length, features.length], datatype: 'FP32', data }],
    });
    expect(answer.headers.get('x-model-version')).toBe('1');
    const inferred = (await answer.json()) as { model_version: string; outputs: { data: number[] }[] };
    expect(inferred.model_version).toBe('1');
    const differences = rows.map((row, i) =>
      Math.abs(Number(row['score']) - (inferred.outputs[0]?.data[i] ?? Number.NaN)),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });

  it('monitors that week', async () => {
    const monitored = await runWorkflow<MonitorModelResult>(
      superstep.client,
      'monitorModel',
      `monitor-model/${PROJECT}/1`,
      {
        project: PROJECT,
        from: '2001-02-28T00:00:00Z',
        until: '2001-03-07T00:00:00Z',
        asOf: '2001-03-08T00:00:00Z',
      },
    );
    expect(['healthy', 'drifted', 'degraded']).toContain(monitored.outcome);
    expect(monitored.window).toMatchObject({ version: 1, labelledShare: 1 });
    expect(['none', 'alert']).toContain(monitored.action);
    const { features } = (await (await endpoint(`/v2/models/${PROJECT}`)).json()) as { features: string[] };
    for (const metrics of ['profile_metrics', 'drift_metrics']) {
      const rows = await records.lakeRows(
        `SELECT column_name, count(*)::INTEGER AS n FROM lake.gold.flights_delay_${metrics} GROUP BY ALL ORDER BY ALL`,
      );
      expect(rows).toEqual([...features, ':table', 'score'].sort().map((column) => ({ column_name: column, n: 1 })));
    }
  });

  it('compares a second candidate with the champion, and puts it in its place', async () => {
    await start(SECOND, '2001-03-28T00:00:00Z');
    const { details, digest } = await waitAtGate(superstep.client, `promote-model/${PROJECT}/2`);
    expect(details).toMatch(/\| \*\*comparison\*\* \| \*\*(pass|inconclusive)\*\* \|.* Compared with version 1\./);
    expect(digest).not.toBe(gate.digest);
    await signal('approve', { approver: 'ml-lead', comment: 'an old approval', evidence: gate.digest }, 2);
    await signal('approve', { approver: 'ml-lead', comment: 'better than the champion', evidence: digest }, 2);
    expect(await resultOf(SECOND)).toMatchObject({
      outcome: 'promoted',
      promotion: {
        version: 2,
        previousVersion: 1,
        decisions: [{ counted: false }, { counted: true, approver: 'ml-lead' }],
      },
    });
    const versions = await records.registry.modelVersions(PROJECT);
    expect(versions.map((v) => v.stage)).toEqual(['Archived', 'Production']);
    expect(await servedVersions()).toEqual(['2']);
  });

  it('goes back to the first on request, and can say who served when', async () => {
    const rollBack = (key: string, requestedBy: string): Promise<RollBackModelResult> =>
      runWorkflow(superstep.client, 'rollBackModel', `roll-back-model/${PROJECT}/${key}`, {
        model: PROJECT,
        reason: 'complaints from the airports',
        requestedBy,
      });
    await expect(rollBack('1', 'passer-by')).rejects.toMatchObject({ cause: { cause: { type: 'NotAuthorized' } } });
    expect(await rollBack('2', 'ml-lead')).toMatchObject({ outcome: 'rolled-back', from: 2, to: 1 });
    await vi.waitFor(async () => expect(await servedVersions()).toEqual(['1']), { timeout: 5_000, interval: 100 });
    expect(await rollBack('3', 'ml-lead')).toMatchObject({ outcome: 'nothing-to-roll-back-to' });

    const { registry } = records;
    const history = await registry.productionHistory(PROJECT);
    expect(history).toMatchObject([
      { version: 1, enteredThrough: 'promotion', decidedBy: ['governance'] },
      { version: 2, enteredThrough: 'promotion', decidedBy: ['ml-lead'], rolledBackFrom: true },
      { version: 1, enteredThrough: 'rollback', decidedBy: ['ml-lead'], leftAt: null },
    ]);
    for (const { enteredAt, version } of history) {
      expect(await registry.productionAt(PROJECT, enteredAt)).toMatchObject({ version });
    }
    expect(await registry.productionAt(PROJECT, '2001-03-01T00:00:00Z')).toBeUndefined();
    await expectInvariants(registry, PROJECT);
    const requests = await records.registryRows('transition_requests');
    expect(requests.filter((row) => row['status'] === 'open')).toEqual([]);
  });
});
