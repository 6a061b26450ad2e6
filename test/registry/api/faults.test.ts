import knexFactory from 'knex';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCaller } from '../../../registry/identity/rights.ts';
import { openGoldenServer } from './open-golden-server.ts';

let server: Awaited<ReturnType<typeof openGoldenServer>>;
beforeEach(async () => void (server = await openGoldenServer()));
afterEach(() => server.close());

async function call(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body: object,
): Promise<{ readonly status: number; readonly code: unknown; readonly retryAfter: string | null }> {
  const response = await fetch(`http://127.0.0.1:${server.port}/dev/api/2.0/mlflow/${path}`, {
    method,
    ...(method === 'GET' ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { readonly error_code?: string };
  return { status: response.status, code: answer.error_code, retryAfter: response.headers.get('retry-after') };
}

describe('a registry whose database is held by another process', () => {
  it('says that it cannot be used now, and works again when it can', async () => {
    await server.close();
    server = await openGoldenServer(undefined, { busyTimeoutMs: 300 });
    // On PostgreSQL writers of other scopes do not wait for each other; test/registry/database-faults.test.ts has its faults.
    if (!('file' in server.location)) return;
    const other = knexFactory({
      client: 'sqlite3',
      connection: { filename: server.location.file },
      useNullAsDefault: true,
    });
    const holding = await other.transaction();
    await holding.raw('delete from experiment_tags where 1 = 0');
    const create = (): ReturnType<typeof call> => call('POST', 'experiments/create', { name: 'mine' });
    expect(await create()).toEqual({ status: 503, code: 'TEMPORARILY_UNAVAILABLE', retryAfter: '1' });
    // Readers are not kept waiting.
    expect((await call('GET', 'experiments/get?experiment_id=0', {})).status).toBe(200);
    await holding.rollback();
    await other.destroy();
    await vi.waitFor(async () => expect((await create()).status).toBe(200), { timeout: 10_000, interval: 100 });
    // The call that was refused left nothing behind: the name was free.
    expect(await create()).toMatchObject({ status: 400, code: 'RESOURCE_ALREADY_EXISTS' });
  });
});

describe('two clients at once', () => {
  const model = async (name: string): Promise<void> => {
    await call('POST', 'registered-models/create', { name });
    await call('POST', 'model-versions/create', { name, source: 's3://bucket/model' });
  };

  it.each([
    [
      'rename a model and register a version of it',
      () => [
        call('POST', 'registered-models/rename', { name: 'delays', new_name: 'late' }),
        call('POST', 'model-versions/create', { name: 'delays', source: 's3://bucket/other' }),
      ],
    ],
    [
      'delete a version and move it',
      () => [
        call('DELETE', 'model-versions/delete', { name: 'delays', version: '1' }),
        call('POST', 'model-versions/transition-stage', {
          ...{ name: 'delays', version: '1', stage: 'Staging', archive_existing_versions: false },
        }),
      ],
    ],
    [
      'delete a version and give it an alias',
      () => [
        call('DELETE', 'model-versions/delete', { name: 'delays', version: '1' }),
        call('POST', 'registered-models/alias', { name: 'delays', alias: 'next', version: '1' }),
      ],
    ],
    [
      'make the same model',
      () => [
        call('POST', 'registered-models/create', { name: 'twice' }),
        call('POST', 'registered-models/create', { name: 'twice' }),
      ],
    ],
  ])('%s: each is answered, as if one came after the other', async (_, both) => {
    await model('delays');
    const statuses = (await Promise.all(both())).map(({ status }) => status);
    expect(statuses).toContain(200);
    for (const status of statuses) expect([200, 400, 404]).toContain(status);
    expect(server.bugs).toEqual([]);
  });
});

describe('who may not', () => {
  it('is answered before anything is read or written', async () => {
    await server.close();
    server = await openGoldenServer(createCaller({ name: 'reader', proof: 'token', roles: ['viewer'] }));
    const huge = { name: 'x'.repeat(1_000_000) };
    expect(await call('POST', 'experiments/create', huge)).toMatchObject({ status: 403, code: 'PERMISSION_DENIED' });
  });
});
