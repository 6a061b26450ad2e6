import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import proto from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PromoteModelResult } from '../../contracts/promote-model.ts';
import type { TrainModelResult } from '../../contracts/train-model.ts';
import type { EnvironmentRecords } from '../support/environment-records.ts';
import { PROJECT } from '../support/small-flights.ts';
import { runWorkflow, startTestStack, type TestStack, waitAtGate } from '../support/test-stack.ts';

type Json = Readonly<Record<string, unknown>>;

/** A journey: a model that was trained elsewhere and logged by a registry client, through the same gates. */
describe('a version that a registry client brought', () => {
  let superstep: TestStack;
  let records: EnvironmentRecords;
  let token: string;
  let onnx: Uint8Array;
  let sample: Buffer;
  let features: readonly string[];

  beforeAll(async () => {
    // Whether the code of a client was committed is not known here.
    superstep = await startTestStack({ policy: (yaml) => yaml.replace(', clean_commit]', ']') });
    token = (await readFile(join(superstep.home, 'prod', 'admin-token'), 'utf8')).trim();
    records = await superstep.records();
    const { client } = superstep;
    const asOf = '2001-02-20T00:00:00Z';
    await runWorkflow(client, 'refreshFeatures', `refresh-features/${PROJECT}`, { project: PROJECT, asOf });
    const trained = await runWorkflow<TrainModelResult>(client, 'trainModel', `train-model/${PROJECT}/elsewhere`, {
      project: PROJECT,
      asOf,
    });
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

  const send = async (method: string, path: string, body: Json | Uint8Array): Promise<Json> => {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`${superstep.stack.addresses.registry}/api/2.0${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(isBytes ? {} : { 'content-type': 'application/json' }) },
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
  const ask = (version: string): Promise<Json> =>
    send('POST', '/mlflow/transition-requests/create', { name: PROJECT, version, stage: 'Production' });
  const resultOf = (version: string): Promise<PromoteModelResult> =>
    superstep.client.workflow.getHandle(`promote-model/${PROJECT}/${version}`).result() as Promise<PromoteModelResult>;

  it('passes the gates on the project’s newest data, and its evidence says where it came from', async () => {
    const version = await register(onnx);
    await ask(version);
    const gate = await waitAtGate(superstep.client, `promote-model/${PROJECT}/${version}`);
    expect(gate.details).toMatch(/\| parity \| pass \|/);
    expect(gate.details).toMatch(/\| signature \| pass \|/);
    const page = await (await fetch(gate.evidenceUrl)).text();
    expect(page).toContain('c0ffee');
    await superstep.client.workflow.getHandle(`promote-model/${PROJECT}/${version}`).signal('approve', {
      approver: 'governance',
      comment: 'as good as one of ours',
      evidence: gate.digest,
    });
    const result = await resultOf(version);
    expect(result).toMatchObject({ outcome: 'promoted' });
    expect(result.steps.find(({ step }) => step === 'serve')).toMatchObject({ status: 'done' });
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
