import { chmod, readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openArtifactServer, type ArtifactServer } from './open-artifact-server.ts';
import { json, sendRaw, type RawAnswer } from './send-raw.ts';

const PROXY = '/api/2.0/mlflow-artifacts/artifacts';

let server: ArtifactServer;
beforeEach(async () => {
  server = await openArtifactServer({ directChanges: 'refused' });
});
afterEach(async () => {
  await server.close();
});

function send(method: string, path: string, body?: Buffer | string, role?: string): Promise<RawAnswer> {
  const headers = {
    ...(role === undefined ? {} : { authorization: `Bearer ${role}` }),
    ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
  };
  return sendRaw(server.port, method, path, { ...(body === undefined ? {} : { body }), headers });
}

async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await send(method, path, body === undefined ? undefined : JSON.stringify(body));
  expect(answer.status, answer.bytes.toString()).toBe(200);
  return json(answer) as Record<string, unknown>;
}

async function createRun(): Promise<{ readonly runId: string; readonly root: string }> {
  const { run } = (await call('POST', '/api/2.0/mlflow/runs/create', { experiment_id: '0' })) as {
    run: { info: { run_id: string } };
  };
  return { runId: run.info.run_id, root: `0/${run.info.run_id}/artifacts` };
}

describe('the artifact proxy', () => {
  it('takes, gives, lists and deletes files, as MLflow’s clients do', async () => {
    const { runId, root } = await createRun();
    for (const [path, text] of [
      ['model/MLmodel', '{}'],
      ['model/model.onnx', 'onnx'],
      ['notes.txt', 'hello'],
      ['empty', ''],
    ]) {
      const answer = await send('PUT', `${PROXY}/${root}/${path}`, text);
      expect([answer.status, json(answer)]).toEqual([200, {}]);
    }
    const found = await send('GET', `${PROXY}/${root}/model/model.onnx`);
    expect(found.bytes.toString()).toBe('onnx');
    expect(found.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '4',
      'content-disposition': 'attachment; filename="model.onnx"',
      'x-content-type-options': 'nosniff',
    });
    expect((await send('GET', `${PROXY}/${root}/empty`)).bytes).toHaveLength(0);
    expect((await send('GET', `${PROXY}/${root}/model/MLmodel`)).headers['content-type']).toBe('text/plain');

    const files = [
      { path: 'MLmodel', is_dir: false, file_size: 2 },
      { path: 'model.onnx', is_dir: false, file_size: 4 },
    ];
    expect(await call('GET', `${PROXY}?path=${root}/model`)).toEqual({ files });
    expect(await call('GET', PROXY)).toEqual({ files: [{ path: '0', is_dir: true }] });
    expect(await call('GET', `${PROXY}?path=nope`)).toEqual({});
    expect(await call('GET', `/api/2.0/mlflow/artifacts/list?run_id=${runId}&path=model`)).toEqual({
      root_uri: `mlflow-artifacts:/${root}`,
      files: files.map((file) => ({ ...file, path: `model/${file.path}` })),
    });
    expect(await call('GET', `/ajax-api/2.0/mlflow/artifacts/list?run_uuid=${runId}&path=nope`)).toEqual({
      root_uri: `mlflow-artifacts:/${root}`,
    });

    expect(await call('DELETE', `${PROXY}/${root}/model`)).toEqual({});
    expect(await call('DELETE', `${PROXY}/${root}/model`)).toEqual({});
    const gone = await send('GET', `${PROXY}/${root}/model/MLmodel`);
    expect([gone.status, json(gone)]).toMatchObject([404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }]);
    expect((await send('GET', `${PROXY}/${root}`)).status).toBe(404);
    expect((await send('GET', `${PROXY}/${root}/notes.txt`)).bytes.toString()).toBe('hello');
  });

  it('keeps any bytes under any name, whatever is said about their type', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const path = `${PROXY}/0/x/artifacts/val%20%C3%A9%22100%25.html`;
    for (const type of ['application/json', 'text/html; charset=utf-8', 'multipart/form-data', 'no type', undefined]) {
      const headers = type === undefined ? {} : { 'content-type': type };
      expect((await sendRaw(server.port, 'PUT', path, { body: bytes, headers })).status).toBe(200);
    }
    const found = await send('GET', path);
    expect(found.bytes.equals(bytes)).toBe(true);
    expect(found.headers['content-disposition']).toBe(
      `attachment; filename="val __100_.html"; filename*=UTF-8''val%20%C3%A9%22100%25.html`,
    );
  });

  it('answers HEAD with the headers alone, and gives the whole whatever range is asked for', async () => {
    await send('PUT', `${PROXY}/0/x`, 'hello');
    const head = await send('HEAD', `${PROXY}/0/x`);
    expect([head.status, head.headers['content-length'], head.bytes.length]).toEqual([200, '5', 0]);
    expect((await send('HEAD', `${PROXY}/0/y`)).status).toBe(404);
    const ranged = await sendRaw(server.port, 'GET', `${PROXY}/0/x`, { headers: { range: 'bytes=1-2' } });
    expect([ranged.status, ranged.bytes.toString()]).toEqual([200, 'hello']);
  });

  it('takes chunked bodies of no said length', async () => {
    const body = 'abc';
    const headers = { 'transfer-encoding': 'chunked' };
    expect((await sendRaw(server.port, 'PUT', `${PROXY}/0/x`, { body, headers })).status).toBe(200);
    expect((await send('GET', `${PROXY}/0/x`)).bytes.toString()).toBe(body);
  });

  it.each([
    ...['../../etc/passwd', '..%2f..%2fetc/passwd', '%2e%2e/x', '..%252f..%252fx', 'C:%5Cwin', 'a%23b', '/etc/passwd'],
    ...['%2fetc', 'a/../b', 'a%00b', 'a%5c..%5cb', 'file:%2f%2fx', ''],
  ])('refuses the path %j for every verb', async (path) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await send(method, `${PROXY}/${path}`, method === 'PUT' ? 'x' : undefined);
      expect([method, answer.status, json(answer)]).toMatchObject([
        method,
        400,
        { error_code: 'INVALID_PARAMETER_VALUE' },
      ]);
    }
    expect(await server.files.list('')).toEqual([]);
  });

  it('says that files come and go in one piece', async () => {
    for (const [method, path] of [
      ['POST', 'mlflow-artifacts/mpu/create/1/abc'],
      ['POST', 'mlflow-artifacts/mpu/complete'],
      ['POST', 'mlflow-artifacts/mpu/abort/1'],
      ['GET', 'mlflow-artifacts/presigned/1/abc'],
      ['POST', 'mlflow/artifacts/presigned-upload-url'],
      ['POST', 'mlflow/artifacts/presigned-download-url'],
    ] as const) {
      const answer = await send(method, `/api/2.0/${path}`, method === 'POST' ? '{}' : undefined);
      expect([path, answer.status, json(answer)]).toMatchObject([path, 501, { error_code: 'NOT_IMPLEMENTED' }]);
      // MLflow's Python client falls back to PUT for these words alone.
      expect(answer.bytes.toString()).toMatch(
        /"Multipart (?:up|down)load is not supported for the current artifact repository/,
      );
    }
  });
});

describe('rights', () => {
  it('are asked for by every verb', async () => {
    const { runId, root } = await createRun();
    await send('PUT', `${PROXY}/${root}/x`, 'x');
    const query = `run_id=${runId}&path=x`;
    const reads = [
      ['GET', `${PROXY}/${root}/x`],
      ['HEAD', `${PROXY}/${root}/x`],
      ['GET', `${PROXY}?path=${root}`],
      ['GET', `/get-artifact?${query}`],
      ['GET', `/ajax-api/2.0/mlflow/get-artifact?${query}`],
      ['GET', `/api/2.0/mlflow/artifacts/list?run_id=${runId}`],
      ['GET', '/api/2.0/mlflow-artifacts/presigned/x'],
      ['GET', '/model-versions/get-artifact?name=m&version=1&path=x'],
      ['GET', '/api/2.0/mlflow/logged-models/m-1/artifacts/directories'],
      ['GET', '/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=x'],
    ] as const;
    const writes = [
      ['PUT', `${PROXY}/${root}/x`],
      ['DELETE', `${PROXY}/${root}/x`],
      ['POST', `/ajax-api/2.0/mlflow/upload-artifact?${query}`],
      ['POST', '/api/2.0/mlflow-artifacts/mpu/create/1'],
      ['POST', '/api/2.0/mlflow/artifacts/presigned-upload-url'],
      ['POST', '/api/2.0/mlflow/logged-models'],
      ['DELETE', '/api/2.0/mlflow/logged-models/m-1'],
    ] as const;
    for (const [method, path] of [...reads, ...writes]) {
      expect([path, (await send(method, path, undefined, 'nobody')).status]).toEqual([path, 403]);
    }
    for (const [method, path] of writes) {
      expect([path, (await send(method, path, undefined, 'viewer')).status]).toEqual([path, 403]);
    }
    for (const [, path] of reads.slice(0, 6)) expect((await send('GET', path, undefined, 'viewer')).status).toBe(200);
    expect((await send('GET', `${PROXY}/${root}/x`)).bytes.toString()).toBe('x');
  });
});

describe('the files of a run, a version and a logged model', () => {
  it('come by their names too, as the UI asks for them', async () => {
    const { runId, root } = await createRun();
    await send('PUT', `${PROXY}/${root}/plots/a.svg`, '<svg/>');
    for (const path of [
      '/get-artifact?run_uuid=',
      '/get-artifact?run_id=',
      '/ajax-api/2.0/mlflow/get-artifact?run_uuid=',
    ]) {
      const found = await send('GET', `${path}${runId}&path=plots/a.svg`);
      expect([found.bytes.toString(), found.headers['content-type']]).toEqual(['<svg/>', 'image/svg+xml']);
    }
    expect((await send('GET', `/get-artifact?run_id=${runId}&path=nope`)).status).toBe(404);
    expect((await send('GET', `/get-artifact?run_id=nope&path=x`)).status).toBe(404);
    for (const query of [`run_id=${runId}`, 'path=x', `run_id=${runId}&path=../../1/x`, `run_id=${runId}&path=/x`]) {
      expect((await send('GET', `/get-artifact?${query}`)).status).toBe(400);
    }

    await server.register('delays');
    const { runId: trained } = await server.registry.getModelVersion('delays', 1);
    await server.files.put(`1/${trained}/artifacts/model/MLmodel`, await server.artifacts.putJson({}), 'allowed');
    const version = '/model-versions/get-artifact?name=delays&version=1&path=';
    expect((await send('GET', `${version}MLmodel`)).bytes.toString()).toBe('{}');
    expect((await send('GET', `${version}../../../../0`)).status).toBe(400);
    expect((await send('GET', version.replace('version=1', 'version=9') + 'MLmodel')).status).toBe(404);
  });

  it('are not looked for where this server does not hold them', async () => {
    const experiment = { name: 's3', artifact_location: 's3://bucket/x' };
    const { experiment_id } = await call('POST', '/api/2.0/mlflow/experiments/create', experiment);
    const { run } = (await call('POST', '/api/2.0/mlflow/runs/create', { experiment_id })) as {
      run: { info: { run_id: string } };
    };
    const answer = await send('GET', `/get-artifact?run_id=${run.info.run_id}&path=x`);
    expect([answer.status, answer.bytes.toString()]).toEqual([400, expect.stringContaining('s3://bucket/x')]);
  });

  it('come in from the UI up to 10 MiB', async () => {
    const { runId } = await createRun();
    const upload = `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${runId}&path=`;
    expect((await send('POST', `${upload}notes/a.json`, '{"a":1}')).status).toBe(200);
    expect((await send('GET', `/get-artifact?run_id=${runId}&path=notes/a.json`)).bytes.toString()).toBe('{"a":1}');
    for (const [path, body] of [
      ['b', Buffer.alloc(10 * 1024 * 1024 + 1)],
      ['b', ''],
      ['../b', 'x'],
    ] as const) {
      expect((await send('POST', upload + path, body)).status).toBe(400);
    }
    expect((await send('POST', `${upload}c`, Buffer.alloc(10 * 1024 * 1024))).status).toBe(200);
  });
});

describe('what is judged', () => {
  it('cannot be changed by the proxy, which says why', async () => {
    await server.register('delays');
    const { runId } = await server.registry.getModelVersion('delays', 1);
    const path = `${PROXY}/1/${runId}/artifacts/model.onnx`;
    for (const answer of [
      await send('PUT', path, 'forged'),
      await send('DELETE', path),
      await send('DELETE', `${PROXY}/1`),
    ]) {
      expect([answer.status, json(answer)]).toMatchObject([403, { error_code: 'PERMISSION_DENIED' }]);
      expect(answer.bytes.toString()).toMatch(/belongs to (?:run \w+ of a workflow|the source of delays version 1)/);
    }
    expect((await send('GET', path)).bytes.toString()).not.toBe('forged');
  });
});

describe('uploads that end early', () => {
  const incoming = (): Promise<string[]> => readdir(join(server.folder, 'artifacts', 'incoming')).catch(() => []);
  const head =
    'PUT /api/2.0/mlflow-artifacts/artifacts/0/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n';

  it.each([
    ['whose sender goes away', (socket: ReturnType<typeof connect>) => socket.destroy()],
    ['with fewer bytes than said', (socket: ReturnType<typeof connect>) => socket.end()],
  ])('%s leave neither path nor file', async (_, leave) => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(head);
    socket.write(Buffer.alloc(100_000));
    await vi.waitUntil(async () => (await incoming()).length === 1, { timeout: 30_000, interval: 10 });
    leave(socket);
    await vi.waitUntil(async () => (await incoming()).length === 0, { timeout: 30_000, interval: 10 });
    socket.destroy();
    expect((await send('GET', `${PROXY}/0/x`)).status).toBe(404);
    expect(await readdir(join(server.folder, 'artifacts'))).toEqual(['incoming']);
    expect(server.bugs).toEqual([]);
  });

  it('never show, not even while another one of the same path is complete', async () => {
    await send('PUT', `${PROXY}/0/x`, 'old');
    const socket = connect(server.port, '127.0.0.1');
    socket.write(head);
    socket.write(Buffer.alloc(100_000));
    await vi.waitUntil(async () => (await incoming()).length === 1, { timeout: 30_000, interval: 10 });
    expect((await send('GET', `${PROXY}/0/x`)).bytes.toString()).toBe('old');
    await send('PUT', `${PROXY}/0/x`, 'new');
    expect((await send('GET', `${PROXY}/0/x`)).bytes.toString()).toBe('new');
    // The slow one ends last: now it is what is there.
    socket.write(Buffer.alloc(100_000));
    await vi.waitUntil(async () => (await incoming()).length === 0, { timeout: 30_000, interval: 10 });
    await vi.waitUntil(async () => (await send('GET', `${PROXY}/0/x`)).bytes.length === 200_000, { timeout: 30_000 });
    socket.destroy();
  });

  it('many at once to one path leave one of them, whole', async () => {
    const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(300_000, i));
    const answers = await Promise.all(bodies.map((body) => send('PUT', `${PROXY}/0/x`, body)));
    expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200));
    const { bytes } = await send('GET', `${PROXY}/0/x`);
    expect(bodies.some((body) => body.equals(bytes))).toBe(true);
  });
});

describe('a damaged file', () => {
  it('breaks the connection instead of looking complete, and is reported', async () => {
    const content = Buffer.alloc(1_000_000, 'superstep');
    await send('PUT', `${PROXY}/0/x`, content);
    const ref = await server.artifacts.putBytes(content);
    await chmod(server.artifacts.path(ref), 0o644);
    content[content.length - 1] = 0;
    await writeFile(server.artifacts.path(ref), content);
    await expect(send('GET', `${PROXY}/0/x`)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(server.bugs).toMatchObject([{ type: 'ChecksumMismatch' }]);
    // The next upload of the same content heals it.
    await send('PUT', `${PROXY}/0/x`, Buffer.alloc(1_000_000, 'superstep'));
    expect((await send('GET', `${PROXY}/0/x`)).status).toBe(200);
  });
});
