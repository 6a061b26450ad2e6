import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEndpoint, type Endpoint, type EndpointDeps, type ProductionModel } from '../../serving/endpoint.ts';
import { loadPredictor } from '../../serving/predictor.ts';
import { tinyAnswer, writeTinyModel } from '../support/tiny-onnx.ts';

const FEATURES = ['hour', 'distance'];
const A = { weights: [0.5, -0.25], bias: 0.1 };
const B = { weights: [-1, 1], bias: -0.3 };
const ROW = [1, 2];

let folder: string;
let production: ProductionModel[];
let endpoint: Endpoint;

function model(version: number, { weights, bias }: typeof A): ProductionModel {
  return {
    model: 'flights-delay',
    version,
    ...writeTinyModel(folder, `v${version}`, FEATURES, weights, bias),
  };
}

function serve(more: Partial<EndpointDeps> = {}): Endpoint {
  endpoint = createEndpoint({
    productionVersions: () => Promise.resolve(production),
    loadPredictor,
    pollMs: 10,
    maxRows: 8,
    ...more,
  });
  return endpoint;
}

function infer(row: readonly (number | null)[] = ROW, url = '/v2/models/flights-delay/infer') {
  const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, row.length], data: row }];
  return endpoint.app.inject({ method: 'POST', url, payload: { id: 'r1', inputs } });
}

async function get(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await endpoint.app.inject({ url });
  return { status: response.statusCode, body: response.json() };
}

function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 10_000, interval: 5 });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'endpoint-'));
  production = [model(1, A)];
});

afterEach(async () => {
  await endpoint.stop();
  rmSync(folder, { recursive: true });
});

describe('the protocol', () => {
  beforeEach(() => serve().start());

  it('says that it lives, is ready, and what it serves', async () => {
    expect(await get('/v2')).toEqual({ status: 200, body: { name: 'superstep', version: '2', extensions: [] } });
    expect(await get('/v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect(await get('/v2/health/ready')).toMatchObject({ status: 200, body: { ready: true } });
    const metadata = {
      name: 'flights-delay',
      versions: ['1'],
      platform: 'onnx',
      inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
      features: FEATURES,
      status: { servingVersion: 1, wantedVersion: 1, error: null },
    };
    expect(await get('/v2/models/flights-delay')).toMatchObject({ status: 200, body: metadata });
    expect(await get('/v2/models/flights-delay/versions/1')).toMatchObject({ status: 200, body: metadata });
    expect(await get('/v2/models/flights-delay/ready')).toMatchObject({ status: 200, body: { ready: true } });
    expect(await get('/v2/models/flights-delay/versions/1/ready')).toMatchObject({ status: 200 });
    expect(await get('/status')).toMatchObject({ status: 200, body: { models: [{ servingVersion: 1 }] } });
  });

  it('scores, echoes the id and names the version', async () => {
    for (const url of ['/v2/models/flights-delay/infer', '/v2/models/flights-delay/versions/1/infer']) {
      const response = await infer(ROW, url);
      expect(response.statusCode).toBe(200);
      expect(response.headers['x-model-version']).toBe('1');
      const body = response.json<{ outputs: { data: number[] }[] }>();
      expect(body).toMatchObject({
        model_name: 'flights-delay',
        model_version: '1',
        id: 'r1',
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [1, 1] }],
      });
      expect(body.outputs[0]?.data[0]).toBeCloseTo(tinyAnswer(ROW, A.weights, A.bias), 6);
    }
  });

  it('gives concurrent requests of different sizes their own answers', async () => {
    const sizes = [1, 3, 2, 8, 5, 1, 7];
    const answers = await Promise.all(
      sizes.map(async (size, request) => {
        const rows = Array.from({ length: size }, (_, i) => [request, i]);
        const inputs = [{ name: 'features', datatype: 'FP32', shape: [size, 2], data: rows }];
        const response = await endpoint.app.inject({
          method: 'POST',
          url: '/v2/models/flights-delay/infer',
          payload: { inputs },
        });
        return { rows, data: response.json<{ outputs: { data: number[] }[] }>().outputs[0]?.data };
      }),
    );
    for (const { rows, data } of answers) {
      expect(data).toHaveLength(rows.length);
      rows.forEach((row, i) => expect(data?.[i]).toBeCloseTo(tinyAnswer(row, A.weights, A.bias), 6));
    }
  });

  it.each([
    ['GET', '/v2/models/nobody', undefined, 404, 'unknown model "nobody"; expected a model in Production'],
    ['POST', '/v2/models/nobody/infer', '{}', 404, 'unknown model "nobody"'],
    ['GET', '/v2/models/flights-delay/versions/7', undefined, 404, 'no version 7 in Production; found version 1'],
    ['POST', '/v2/models/flights-delay/versions/7/infer', '{}', 404, 'no version 7 in Production'],
    ['GET', '/v1/models', undefined, 404, 'no route GET /v1/models'],
    ['POST', '/v2/models/flights-delay/infer', '{"inputs":', 400, 'JSON'],
    ['POST', '/v2/models/flights-delay/infer', '{}', 400, 'expected "inputs" to be a list of tensors, found nothing'],
  ] as const)('%s %s %s is answered with %i', async (method, url, payload, status, message) => {
    const response = await endpoint.app.inject({
      method,
      url,
      ...(payload === undefined ? {} : { payload, headers: { 'content-type': 'application/json' } }),
    });
    expect(response.statusCode).toBe(status);
    expect(response.json()).toEqual({ error: expect.stringContaining(message) as string });
  });

  it('refuses too many rows and too large a body with 413', async () => {
    const tensor = { name: 'features', datatype: 'FP32', shape: [9, 2], data: Array(18).fill(0) };
    const url = '/v2/models/flights-delay/infer';
    const rows = await endpoint.app.inject({ method: 'POST', url, payload: { inputs: [tensor] } });
    expect(rows.statusCode).toBe(413);
    expect(rows.json()).toEqual({ error: 'expected at most 8 rows in one request, found 9' });
    const large = await endpoint.app.inject({ method: 'POST', url, payload: { id: 'x'.repeat(17 * 1024 * 1024) } });
    expect(large.statusCode).toBe(413);
    expect(large.json()).toHaveProperty('error');
  });
});

describe('following the registry', () => {
  const servingVersion = async (): Promise<unknown> => (await get('/status')).body['models'];

  it('is live but not ready before the registry has answered', async () => {
    const error = new Error('the registry is locked');
    let broken = true;
    serve({ productionVersions: () => (broken ? Promise.reject(error) : Promise.resolve(production)) });
    await endpoint.start();
    expect((await get('/v2/health/live')).status).toBe(200);
    const ready = await endpoint.app.inject({ url: '/v2/health/ready' });
    expect(ready.statusCode).toBe(503);
    expect(ready.headers['retry-after']).toBe('1');
    const refused = await infer();
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toEqual({ error: 'flights-delay is not ready: the registry is locked; try again' });
    broken = false;
    await eventually(async () => expect((await infer()).statusCode).toBe(200));
  });

  it('goes on serving while the registry cannot be read', async () => {
    let broken = false;
    serve({ productionVersions: () => (broken ? Promise.reject(new Error('disk')) : Promise.resolve(production)) });
    await endpoint.start();
    broken = true;
    await eventually(async () => expect((await get('/status')).body).toMatchObject({ registryError: 'disk' }));
    expect((await infer()).statusCode).toBe(200);
    expect((await get('/v2/health/ready')).status).toBe(200);
  });

  it('is ready with no model in Production, takes up the first, and drops one that left', async () => {
    const [first] = production;
    production = [];
    await serve().start();
    expect(await get('/v2/health/ready')).toMatchObject({ status: 200, body: { models: [] } });
    expect((await infer()).statusCode).toBe(404);
    production = first === undefined ? [] : [first];
    await eventually(async () => expect((await infer()).statusCode).toBe(200));
    production = [];
    await eventually(async () => expect((await infer()).statusCode).toBe(404));
  });

  it('swaps under load without a failed request or an answer under the wrong version', async () => {
    const swaps = 25;
    const [a, b] = [model(1, A), model(2, B)];
    await serve({ pollMs: 5 }).start();
    const expected = [tinyAnswer(ROW, B.weights, B.bias), tinyAnswer(ROW, A.weights, A.bias)];
    let done = false;
    let answered = 0;
    const seen = new Set<number>();
    const client = async (): Promise<void> => {
      while (!done) {
        const response = await infer();
        expect(response.statusCode).toBe(200);
        const version = Number(response.headers['x-model-version']);
        const body = response.json<{ model_version: string; outputs: { data: number[] }[] }>();
        expect(body.model_version).toBe(String(version));
        expect(body.outputs[0]?.data[0]).toBeCloseTo(expected[version % 2] ?? NaN, 6);
        seen.add(version);
        answered++;
      }
    };
    const clients = Array.from({ length: 16 }, client);
    for (let version = 2; version <= swaps; version++) {
      production = [{ ...(version % 2 === 0 ? b : a), version }];
      await eventually(() => expect(seen.has(version)).toBe(true));
    }
    done = true;
    await Promise.all(clients);
    expect(seen.size).toBe(swaps);
    expect(answered).toBeGreaterThan(swaps);
  });

  it('keeps the old version when the new file is damaged, says so, and heals', async () => {
    await serve().start();
    const next = model(2, B);
    const bytes = readFileSync(next.file);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    writeFileSync(next.file, damaged);
    production = [next];
    await eventually(async () =>
      expect(await servingVersion()).toEqual([
        expect.objectContaining({
          servingVersion: 1,
          wantedVersion: 2,
          error: expect.stringContaining(`expected ${next.sha256}`) as string,
        }),
      ]),
    );
    expect((await infer()).headers['x-model-version']).toBe('1');
    expect(await get('/v2/health/ready')).toMatchObject({ status: 200, body: { models: [{ servingVersion: 1 }] } });
    const pinned = await infer(ROW, '/v2/models/flights-delay/versions/2/infer');
    expect(pinned.statusCode).toBe(503);
    expect(pinned.json()).toHaveProperty('error', expect.stringContaining(`expected ${next.sha256}`));
    writeFileSync(next.file, bytes);
    await eventually(async () => expect((await infer()).headers['x-model-version']).toBe('2'));
    expect(await servingVersion()).toMatchObject([{ servingVersion: 2, error: null }]);
  });

  it('is not ready when the only version cannot be loaded', async () => {
    production = [{ ...model(1, A), file: join(folder, 'nowhere.onnx') }];
    await serve().start();
    expect((await get('/v2/health/ready')).status).toBe(503);
    expect((await get('/v2/models/flights-delay/ready')).status).toBe(503);
    expect((await infer()).json()).toHaveProperty('error', expect.stringContaining('nowhere.onnx'));
  });

  it('goes back at once when a promotion that could not be served is rolled back', async () => {
    const [first] = production;
    await serve().start();
    production = [{ ...model(2, B), file: join(folder, 'nowhere.onnx') }];
    await eventually(async () => expect(await servingVersion()).toMatchObject([{ wantedVersion: 2 }]));
    production = first === undefined ? [] : [first];
    await eventually(async () =>
      expect(await servingVersion()).toMatchObject([{ wantedVersion: 1, servingVersion: 1, error: null }]),
    );
  });
});

describe('the life of a loaded version', () => {
  /** A predictor whose runs end when the test says so. */
  function heldPredictor() {
    const state = { released: false, runsAfterRelease: 0, held: false, running: 0, finish: (): void => undefined };
    const predict = async (_rows: Float32Array, count: number): Promise<Float32Array> => {
      if (state.released) state.runsAfterRelease++;
      state.running++;
      if (state.held) await new Promise<void>((resolve) => (state.finish = resolve));
      state.running--;
      return new Float32Array(count).fill(0.5);
    };
    const release = (): void => void (state.released = true);
    return { state, predictor: { features: FEATURES, sha256: '', predict, release } };
  }

  it('is released after its last request, not before', async () => {
    const loaded: ReturnType<typeof heldPredictor>[] = [];
    serve({
      loadPredictor: () => {
        const next = heldPredictor();
        loaded.push(next);
        return Promise.resolve(next.predictor);
      },
    });
    await endpoint.start();
    const [old] = loaded;
    if (old === undefined) throw new Error('nothing was loaded');
    old.state.held = true;
    const waiting = infer();
    await eventually(() => expect(old.state.running).toBe(1));
    production = [model(2, B)];
    // Asked by status: a request before the swap would be held too.
    await eventually(async () =>
      expect((await get('/status')).body).toMatchObject({ models: [{ servingVersion: 2 }] }),
    );
    expect((await infer()).headers['x-model-version']).toBe('2');
    expect(old.state.released).toBe(false);
    old.state.finish();
    expect((await waiting).headers['x-model-version']).toBe('1');
    await eventually(() => expect(old.state.released).toBe(true));
    expect(old.state.runsAfterRelease).toBe(0);
    await endpoint.stop();
    expect(loaded.map(({ state }) => state.released)).toEqual([true, true]);
  });

  it('is not taken up when its warm-up run fails', async () => {
    const { state, predictor } = heldPredictor();
    serve({
      loadPredictor: () =>
        Promise.resolve({ ...predictor, predict: () => Promise.reject(new Error('operator missing')) }),
    });
    await endpoint.start();
    expect(state.released).toBe(true);
    expect((await infer()).json()).toEqual({ error: 'flights-delay is not ready: operator missing; try again' });
  });
});
