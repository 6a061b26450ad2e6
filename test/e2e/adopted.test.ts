import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import proto from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MonitorModelResult } from '../../contracts/monitor-model.ts';
import type { PromoteModelResult } from '../../contracts/promote-model.ts';
import type { ScoreBatchResult } from '../../contracts/score-batch.ts';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import type { TrainModelResult } from '../../contracts/train-model.ts';
import { verifyPack } from '../../registry/audit/pack/verify-pack.ts';
import { loadServerKey } from '../../registry/identity/server-key.ts';
import { exportPack } from '../../scripts/audit/export-pack.ts';
import { openEnvironment } from '../../scripts/audit/open-environment.ts';
import type { EnvironmentRecords } from '../support/environment-records.ts';
import { memoryHungry } from '../support/memory-hungry.ts';
import { PROJECT } from '../support/small-flights.ts';
import { runWorkflow, startTestStack, type TestStack, type WaitingGate, waitAtGate } from '../support/test-stack.ts';

type Json = Readonly<Record<string, unknown>>;

/** A journey: a model that was trained elsewhere and logged by a registry client, through the same gates. */
describe('a version that a registry client brought', () => {
  let superstep: TestStack;
  let records: EnvironmentRecords;
  let token: string;
  let officer: string;
  let onnx: Uint8Array;
  let sample: Buffer;
  let features: readonly string[];

  beforeAll(async () => {
    superstep = await startTestStack();
    token = (await readFile(join(superstep.home, 'prod', 'admin-token'), 'utf8')).trim();
    await send('POST', '/superstep/users', { name: 'officer' });
    await send('POST', '/superstep/users/officer/roles', { role: 'governance-officer' });
    officer = String((await send('POST', '/superstep/users/officer/tokens', { label: 'test' }))['token']);
    records = await superstep.records();
    const { client } = superstep;
    const asOf = '2001-02-20T00:00:00Z';
    await runWorkflow(client, 'refreshFeatures', `refresh-features/${PROJECT}`, { project: PROJECT, asOf });
    const trained = await runWorkflow<TrainModelResult>(client, 'trainModel', `train-model/${PROJECT}/elsewhere`, {
      project: PROJECT,
      asOf,
    });
    await promote(String(trained.version), 'the first');
    const run = await records.registry.getRun(trained.runId);
    const bytes = await records.artifacts.readBytes(trained.onnx);
    sample = await records.artifacts.readBytes(required(run.artifacts['parity-sample.json']));
    const model = proto.onnx.ModelProto.decode(bytes);
    features = JSON.parse(model.metadataProps.find(({ key }) => key === 'features')?.value ?? '[]') as string[];
    // Another trainer's converter knows nothing of our metadata; the signature beside the file names the columns.
    model.metadataProps = [];
    onnx = proto.onnx.ModelProto.encode(model).finish();
  });
  afterAll(() => superstep?.stop());

  /** Starts a promotion as a person does, and approves it. */
  const promote = async (version: string, comment: string): Promise<PromoteModelResult> => {
    const id = `promote-model/${PROJECT}/${version}`;
    const input = { project: PROJECT, version: Number(version) };
    const options = { taskQueue: SUPERSTEP_QUEUE, workflowId: id, args: [input] };
    await superstep.client.workflow.start('promoteModel', options);
    return approve(version, await waitAtGate(superstep.client, id), comment);
  };
  const approve = async (version: string, gate: WaitingGate, comment: string): Promise<PromoteModelResult> => {
    const handle = superstep.client.workflow.getHandle(`promote-model/${PROJECT}/${version}`);
    await handle.signal('approve', { approver: 'governance', comment, evidence: gate.digest });
    return resultOf(version);
  };

  const send = async (method: string, path: string, body: Json | Uint8Array, by = token): Promise<Json> => {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`${superstep.stack.addresses.registry}/api/2.0${path}`, {
      method,
      headers: { authorization: `Bearer ${by}`, ...(isBytes ? {} : { 'content-type': 'application/json' }) },
      body: isBytes ? Buffer.from(body) : JSON.stringify(body),
    });
    const answer = (await response.json()) as Json;
    expect([path, response.status, answer['message']]).toEqual([path, 200, undefined]);
    return answer;
  };

  /** What a client does: a run, files, a version. */
  const register = async (file: Uint8Array): Promise<string> => {
    const made = await send('POST', '/mlflow/runs/create', {
      experiment_id: '0',
      tags: [{ key: 'mlflow.source.git.commit', value: 'c0ffee' }],
    });
    const { info } = made['run'] as { readonly info: { readonly run_id: string; readonly artifact_uri: string } };
    const folder = `/mlflow-artifacts/artifacts/${info.artifact_uri.replace('mlflow-artifacts:/', '')}/model`;
    const columns = features.map((name) => ({ name, type: 'double', required: true }));
    const mlmodel = {
      flavors: { onnx: { data: 'model.onnx', onnx_version: '1.22.0' } },
      signature: { inputs: JSON.stringify(columns), outputs: null, params: null },
    };
    await send('PUT', `${folder}/MLmodel`, Buffer.from(JSON.stringify(mlmodel)));
    await send('PUT', `${folder}/model.onnx`, file);
    await send('PUT', `${folder}/parity-sample.json`, sample);
    const source = `${info.artifact_uri}/model`;
    const version = await send('POST', '/mlflow/model-versions/create', {
      name: PROJECT,
      source,
      run_id: info.run_id,
      tags: [{ key: 'owner', value: 'another-team' }],
    });
    return (version['model_version'] as { readonly version: string }).version;
  };
  const waive = (check: string, version: string): Promise<Json> => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const reason = 'its code was reviewed by hand';
    return send('POST', '/superstep/waivers', { check, model: PROJECT, version, until, reason }, officer);
  };
  /** Gives the folder of the version in an evidence pack that was verified. */
  const exportVersion = async (version: string): Promise<string> => {
    const open = await openEnvironment('prod', { SUPERSTEP_HOME: superstep.home });
    try {
      const now = (): Date => new Date();
      const key = await loadServerKey({ db: open.db, now, folder: open.home });
      const folder = join(superstep.folder, 'pack');
      const { client } = superstep;
      await exportPack(open, { model: PROJECT, version: Number(version), folder, client, key, now });
      const { checks } = await verifyPack(folder, [key.publicKey]);
      expect(checks.flatMap(({ faults }) => faults)).toEqual([]);
      return join(folder, 'versions', version);
    } finally {
      await open.close();
    }
  };
  const ask = (version: string): Promise<Json> =>
    send('POST', '/mlflow/transition-requests/create', { name: PROJECT, version, stage: 'Production' });
  const resultOf = (version: string): Promise<PromoteModelResult> =>
    superstep.client.workflow.getHandle(`promote-model/${PROJECT}/${version}`).result() as Promise<PromoteModelResult>;

  it('passes the gates on the project’s newest data, and its evidence says where it came from', async () => {
    const version = await register(onnx);
    // Whether the code of a client was committed is not known here.
    await waive('clean_commit', version);
    await ask(version);
    const gate = await waitAtGate(superstep.client, `promote-model/${PROJECT}/${version}`);
    expect(gate.details).toMatch(/\| parity \| pass \|/);
    expect(gate.details).toMatch(/\| signature \| pass \|/);
    expect(gate.details).toContain('Compared with version 1.');
    const waived = /waived by officer until 20\d\d-.*: its code was reviewed by hand/;
    expect(gate.details).toMatch(waived);
    const page = await (await fetch(gate.evidenceUrl)).text();
    expect(page).toContain('c0ffee');
    expect(page).toMatch(waived);
    expect(page).toContain('no feature importance was logged with it');
    const result = await approve(version, gate, 'as good as one of ours');
    expect(result).toMatchObject({ outcome: 'promoted', previousVersion: 1 });
    expect(result.steps.find(({ step }) => step === 'serve')).toMatchObject({ status: 'done' });

    const folder = await exportVersion(version);
    const packed = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
    expect(await packed('gates.json')).toMatch(waived);
    const documents = await readdir(join(folder, 'evidence'));
    const document = required(documents.find((name) => name.startsWith(gate.digest) && name.endsWith('.json')));
    expect(await packed(join('evidence', document))).toMatch(waived);
    expect(JSON.parse(await packed('evaluation-run.json'))).toMatchObject({
      tags: { 'superstep.evaluates': `${PROJECT}/${version}` },
    });
    expect(await packed('provenance.intoto.json')).toContain('urn:superstep:registered-by-client:v1');
  });

  it('serves, under the names of its signature', async () => {
    const url = `${superstep.stack.addresses.endpoints.prod}/v2/models/${PROJECT}/infer`;
    const { rows, scores } = JSON.parse(sample.toString('utf8')) as {
      readonly rows: readonly number[][];
      readonly scores: readonly number[];
    };
    const inputs = [{ name: 'features', shape: [1, features.length], datatype: 'FP32', data: rows[0] }];
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ inputs }) });
    const answer = (await response.json()) as { readonly outputs: readonly { readonly data: readonly number[] }[] };
    expect(answer.outputs[0]?.data[0]).toBeCloseTo(scores[0] ?? Number.NaN, 5);
  });

  it('scores a week, is monitored on it, and goes back when asked', async () => {
    const { client } = superstep;
    const asOf = '2001-03-08T00:00:00Z';
    const window = { from: '2001-02-28T00:00:00Z', until: '2001-03-07T00:00:00Z' };
    await runWorkflow(client, 'refreshFeatures', `refresh-features/${PROJECT}`, { project: PROJECT, asOf });
    const scored = await runWorkflow<ScoreBatchResult>(client, 'scoreBatch', `score-batch/${PROJECT}/1`, {
      project: PROJECT,
      ...window,
    });
    expect(scored).toMatchObject({ outcome: 'scored', version: 2 });
    const monitored = await runWorkflow<MonitorModelResult>(client, 'monitorModel', `monitor-model/${PROJECT}/1`, {
      project: PROJECT,
      ...window,
      asOf,
    });
    expect(monitored.window).toMatchObject({ version: 2, rows: scored.rows, labelledShare: 1 });
    const back = { model: PROJECT, reason: 'a look at the first', requestedBy: 'ml-lead' };
    const rolledBack = await runWorkflow(client, 'rollBackModel', `roll-back-model/${PROJECT}/1`, back);
    expect(rolledBack).toMatchObject({ outcome: 'rolled-back', from: 2, to: 1 });
  });

  it('fails compliance, with the reason, when what it gives is no probability', async () => {
    const model = proto.onnx.ModelProto.decode(onnx);
    const last = required(model.graph?.node?.at(-1));
    last.output = ['inner'];
    const negated = { opType: 'Neg', input: ['inner'], output: ['probability'] };
    model.graph?.node?.push(proto.onnx.NodeProto.create(negated));
    const version = await register(proto.onnx.ModelProto.encode(model).finish());
    await ask(version);
    const result = await resultOf(version);
    expect(result.outcome).toBe('failed-compliance');
    expect(JSON.stringify(result.gates)).toContain('with what is no probability');
  });

  it('fails compliance, with the reason, when it asks for more memory than there is', async () => {
    const version = await register(memoryHungry(onnx));
    await ask(version);
    const result = await resultOf(version);
    expect(result.outcome).toBe('failed-compliance');
    expect(JSON.stringify(result.gates)).toContain('asks for more memory than there is');
  });

  it('fails compliance, with the reason, when its file is no model', async () => {
    const version = await register(Buffer.from('no model at all'));
    await ask(version);
    const result = await resultOf(version);
    expect(result.outcome).toBe('failed-compliance');
    expect(JSON.stringify(result.gates)).toContain('found bytes that cannot be read');
    expect((await records.registry.productionVersion(PROJECT))?.version).not.toBe(Number(version));
  });
});

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('expected a value');
  return value;
}
