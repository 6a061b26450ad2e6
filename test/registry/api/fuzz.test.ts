import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RestRoute } from '../../../registry/api/route.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { openGoldenServer } from './open-golden-server.ts';

let server: Awaited<ReturnType<typeof openGoldenServer>>;
beforeAll(async () => {
  server = await openGoldenServer(createCaller({ name: 'admin', proof: 'token', roles: ['admin'] }));
});
afterAll(() => server.close());

/** Every field that some route reads. */
const FIELDS = (
  'experiment_id experiment_ids experiment_name name new_name artifact_location tags key value view_type run_view_type ' +
  'max_results page_token filter order_by run_id run_uuid run_ids user_id run_name start_time end_time status timestamp ' +
  'step model_id dataset_name metrics params model_json datasets models metric_key start_step end_step source version ' +
  'stage stages archive_existing_versions description alias run_link deployment_job_id comment path model_type ' +
  'source_run_id artifact_directory_path num_parts upload_id parts'
).split(' ');

/** Something that is really there, so that requests get past the first look. */
async function fill(name: string): Promise<Readonly<Record<string, string>>> {
  const post = async <T>(path: string, body: object) => (await call('POST', path, body)).json<T>();
  const { experiment_id: id } = await post<{ experiment_id: string }>('/mlflow/experiments/create', { name });
  const run = await post<{ run: { info: { run_id: string } } }>('/mlflow/runs/create', { experiment_id: id });
  const runId = run.run.info.run_id;
  await post('/mlflow/registered-models/create', { name });
  await post('/mlflow/model-versions/create', { name, source: 's3://b/p', run_id: runId });
  const logged = await post<{ model: { info: { model_id: string } } }>('/mlflow/logged-models', { experiment_id: id });
  const ids = { experiment_id: id, run_id: runId, model_id: logged.model.info.model_id };
  return { ...ids, name, version: '1', key: 'k', max_results: '5' };
}

function call(method: RestRoute['method'], path: string, body: unknown, query = '') {
  return server.app.inject({
    method,
    url: `/dev/api/2.0${path}${query}`,
    headers: { host: 'localhost', 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  });
}

const text = fc.oneof(
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1',
    'NaN',
    '../..',
    '%2e%2e',
    'a/b',
    '\0',
    '\ud800',
    "metrics.x > 'a'",
    'name = ',
    '`',
  ),
  fc.constantFrom('9223372036854775807', '1e400', 'x'.repeat(70_000), "tags.`a` LIKE '%'", 'Production', 'latest', 'k'),
  fc.constantFrom(
    'eyJvZmZzZXQiOiAtMX0=',
    'eyJvZmZzZXQiOiAxZTk5fQ==',
    'models:/m1/1',
    'runs:/x/y',
    'file:///etc/passwd',
  ),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.constantFrom<unknown>(null, true, 0, -1, 1, 1.5, 2 ** 53, 1e308, -1e308),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...FIELDS, '__proto__', 'constructor'), text), tie('value'), { maxKeys: 4 }),
  ),
}));
/** Which of the things that are there a request names, and what it says else. */
const request = fc.record({
  kept: fc.subarray(['run_id', 'experiment_id', 'name', 'version', 'model_id', 'key', 'max_results']),
  fields: fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 5 }),
  asQuery: fc.boolean(),
});

/** 501 says that the server has no such way, whatever is asked. */
const isClientsFault = (status: number): boolean => status < 500 || status === 501;

describe('input that breaks the schema', () => {
  it('is never answered by 5xx, on no route', async () => {
    for (const [i, route] of server.routes.entries()) {
      // Anew for each: the routes before may have deleted it.
      const known = await fill(`m${i}`);
      const property = fc.asyncProperty(request, async ({ kept, fields, asQuery }) => {
        const body = { ...fields, ...Object.fromEntries(kept.map((name) => [name, known[name]])) };
        const path = route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(known[name] ?? 'x'));
        const answer = asQuery
          ? await call(route.method, path, {}, `?${queryOf(body)}`)
          : await call(route.method, path, body);
        if (isClientsFault(answer.statusCode)) return;
        throw new Error(
          `${route.method} ${route.path} ${JSON.stringify(body)}: ${answer.body}, ${String(server.bugs[0])}`,
        );
      });
      await fc.assert(property, { numRuns: 20 });
    }
    expect(server.bugs).toEqual([]);
  });

  it.each(['/mlflow/runs/log-batch', '/mlflow/experiments/create', '/mlflow/model-versions/create'])(
    'nor when it is no JSON at all: %s',
    async (path) => {
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.json().map((json) => Buffer.from(json.slice(1))),
      );
      const property = fc.asyncProperty(bytes, async (payload) => {
        const headers = { host: 'localhost', 'content-type': 'application/json' };
        const url = `/dev/api/2.0${path}`;
        const answer = await server.app.inject({ method: 'POST', url, headers, payload: Buffer.from(payload) });
        expect(answer.statusCode).toBe(400);
      });
      await fc.assert(property, { numRuns: 100 });
    },
  );
});

function queryOf(body: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, one] of Object.entries(body)) {
    for (const item of [one].flat())
      query.append(name, typeof item === 'string' ? item.slice(0, 2_000) : JSON.stringify(item));
  }
  return query.toString();
}
