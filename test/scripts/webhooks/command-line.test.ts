import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRegistryDatabase } from '../../../registry/database.ts';
import { startRegistryProcess, type RegistryProcess } from '../../../scripts/clients/registry-process.ts';
import { runScript, type RanScript } from '../run-script.ts';

let home: string;
let server: RegistryProcess;
let id: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'webhooks-cli-'));
  server = await startRegistryProcess(home);
  const made = await fetch(`${server.url}/api/2.0/mlflow/webhooks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.prodToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'ci',
      // No such host exists anywhere.
      url: 'https://hook.invalid/secret-path',
      events: [{ entity: 'MODEL_VERSION', action: 'CREATED' }],
    }),
  });
  const { webhook } = (await made.json()) as { readonly webhook: { readonly webhook_id: string } };
  id = webhook.webhook_id;
});
afterAll(async () => {
  await server?.stop();
  await rm(home, { recursive: true, force: true });
});

const webhooks = (token: string, ...args: readonly string[]): Promise<RanScript> =>
  runScript('webhooks', args, { SUPERSTEP_REGISTRY_ADDRESS: server.url, SUPERSTEP_TOKEN: token });

describe('npm run webhooks', () => {
  it('lists who is told, and to which host', async () => {
    const { code, stdout } = await webhooks(server.prodToken, 'list');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toContain(`${id}  ACTIVE  mlflow ci to hook.invalid: model_version.created`);
    expect(stdout).not.toContain('secret-path');
    const json = await webhooks(server.prodToken, 'list', '--json');
    expect((JSON.parse(json.stdout) as { subscribers: object[] }).subscribers).toContainEqual(
      expect.objectContaining({ id, host: 'hook.invalid' }),
    );
  });

  it('tells what became of the events', async () => {
    expect(await webhooks(server.prodToken, 'deliveries', id)).toEqual({ code: 0, stdout: 'none\n', stderr: '' });
    const at = new Date().toISOString();
    const db = openRegistryDatabase({ file: join(home, 'prod', 'registry.sqlite') });
    await db.write((trx) =>
      trx('deliveries').insert({
        ...{ subscriber_id: id, activity: 1, event: 'model_version.created', delivery_id: 'd-1', created_at: at },
        ...{ status: 'pending', attempts: 2, response_status: 503, problem: 'answered 503', last_attempt_at: at },
      }),
    );
    await db.close();
    const { code, stdout } = await webhooks(server.prodToken, 'deliveries', id);
    expect(code).toBe(0);
    expect(stdout).toBe(`${at}  model_version.created  pending after 2 attempts, answered 503: answered 503  d-1\n`);
  });

  it('says that the test call was not taken', async () => {
    const tried = await webhooks(server.prodToken, 'test', id);
    expect(tried).toEqual({ code: 1, stdout: 'not taken: no connection\n', stderr: '' });
  });

  it('ends with 1 for a subscriber that is not there, and without a token', async () => {
    const unknown = await webhooks(server.prodToken, 'deliveries', 'nobody');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('refused (404')]);
    const refused = await webhooks('', 'list');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('SUPERSTEP_TOKEN')]);
  });
});
