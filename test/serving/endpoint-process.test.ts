import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ArtifactRef } from '../../contracts/references.ts';
import { createArtifactStore } from '../../registry/artifact-store.ts';
import { openRegistryDatabase, type RegistryDatabase } from '../../registry/database.ts';
import { createRegistry } from '../../registry/registry.ts';
import { readEndpointConfig, type EndpointConfig } from '../../serving/endpoint-process.ts';
import { tinyAnswer, writeTinyModel } from '../support/tiny-onnx.ts';

const ENTRY = join(import.meta.dirname, '../../serving/endpoint-process.ts');
const A = { weights: [1], bias: 0.5 };
const B = { weights: [-2], bias: 0.25 };

let folder: string;
let db: RegistryDatabase;
let config: EndpointConfig;
let child: ChildProcessWithoutNullStreams | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'endpoint-process-'));
  const registry = { file: join(folder, 'registry.sqlite') };
  config = { port: 0, registry, artifactsFolder: join(folder, 'artifacts'), pollMs: 50 };
  db = openRegistryDatabase(registry);
  await db.migrate();
});

afterEach(async () => {
  if (child?.exitCode === null) child.kill('SIGKILL');
  child = undefined;
  await db.close();
  rmSync(folder, { recursive: true });
});

/** Stores a model as the next version and puts it, alone, into Production. */
async function putIntoProduction({ weights, bias }: typeof A): Promise<number> {
  const artifacts = createArtifactStore({ folder: join(folder, 'artifacts') });
  const registry = createRegistry({ db, artifacts, now: () => new Date() });
  const onnx: ArtifactRef = await artifacts.putFile(writeTinyModel(folder, 'next', ['hour'], weights, bias).file);
  const naturalKey = `version of ${onnx.sha256}`;
  const facts = { params: {}, metrics: {}, tags: {}, artifacts: { onnx }, inputs: {} };
  const { runId } = await registry.logRun({ naturalKey, experiment: 'flights-delay', name: 'train', ...facts });
  const named = { naturalKey, model: 'flights-delay', runId, onnx };
  const { version } = await registry.registerModelVersion({ ...named, description: '', tags: {}, owner: 'team' });
  await db.write(async (trx) => {
    await trx('model_versions').where({ stage: 'Production' }).update({ stage: 'Archived' });
    await trx('model_versions').where({ model: 'flights-delay', version }).update({ stage: 'Production' });
  });
  return version;
}

/** Starts the process and gives its address once it listens. */
async function start(): Promise<string> {
  const file = join(folder, 'endpoint.json');
  writeFileSync(file, JSON.stringify(config));
  child = spawn(process.execPath, ['--import', 'tsx', ENTRY, file]);
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return /^endpoint listens on (http:\S+)\n$/.exec(line)?.[1] ?? `no address in "${line}"`;
}

async function infer(address: string): Promise<{ version: string | null; score: number | undefined }> {
  const inputs = [{ name: 'hour', datatype: 'FP32', shape: [1], data: [2] }];
  const response = await fetch(`${address}/v2/models/flights-delay/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs }),
  });
  expect(response.status).toBe(200);
  const { outputs } = (await response.json()) as { outputs: { data: number[] }[] };
  return { version: response.headers.get('x-model-version'), score: outputs[0]?.data[0] };
}

describe('the endpoint as a process', () => {
  it('serves Production out of registry and store, follows a promotion within 2 s, ends on SIGTERM', async () => {
    const first = await putIntoProduction(A);
    const address = await start();
    await vi.waitFor(async () => expect((await fetch(`${address}/v2/health/ready`)).status).toBe(200), 20_000);
    const before = await infer(address);
    expect(before.version).toBe(String(first));
    expect(before.score).toBeCloseTo(tinyAnswer([2], A.weights, A.bias), 6);

    const second = await putIntoProduction(B);
    await vi.waitFor(async () => expect((await infer(address)).version).toBe(String(second)), 2_000);
    expect((await infer(address)).score).toBeCloseTo(tinyAnswer([2], B.weights, B.bias), 6);

    child?.kill('SIGTERM');
    expect(await once(child as ChildProcessWithoutNullStreams, 'exit')).toEqual([0, null]);
  });

  it('ends when its parent is gone', async () => {
    await start();
    child?.stdin.end();
    expect(await once(child as ChildProcessWithoutNullStreams, 'exit')).toEqual([0, null]);
  });

  it('says what is wrong with its configuration', () => {
    expect(() => readEndpointConfig([])).toThrow('no configuration given');
    expect(() => readEndpointConfig(['--config', join(folder, 'nowhere.json')])).toThrow('nowhere.json cannot be read');
    const file = join(folder, 'bad.json');
    writeFileSync(file, JSON.stringify({ ...config, port: 'eighty' }));
    expect(() => readEndpointConfig([file])).toThrow(/port/);
    writeFileSync(file, JSON.stringify(config));
    expect(readEndpointConfig(['--config', file])).toMatchObject({ host: '127.0.0.1', maxRows: 1024, pollMs: 50 });
  });
});
