import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryProcess, type RegistryProcess } from '../../../scripts/clients/registry-process.ts';
import { runScript, type RanScript } from '../run-script.ts';

let home: string;
let server: RegistryProcess;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'waivers-cli-'));
  server = await startRegistryProcess(home);
  const made = await fetch(`${server.url}/api/2.0/mlflow/registered-models/create`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.prodToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'delays' }),
  });
  expect(made.status).toBe(200);
});
afterAll(async () => {
  await server?.stop();
  await rm(home, { recursive: true, force: true });
});

const waivers = (token: string, ...args: readonly string[]): Promise<RanScript> =>
  runScript('waivers', args, { SUPERSTEP_REGISTRY_ADDRESS: server.url, SUPERSTEP_TOKEN: token });

describe('npm run waivers', () => {
  it('grants a waiver, lists it, and ends it before its time', async () => {
    const until = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const what = ['--check', 'slices', '--model', 'delays', '--until', until, '--reason', 'few rows in winter'];
    const granted = await waivers(server.prodToken, 'grant', ...what);
    expect(granted).toMatchObject({ code: 0, stderr: '' });
    const [id = ''] = granted.stdout.split('  ');
    expect(granted.stdout).toBe(`${id}  slices of delays until ${until}, by admin (token): few rows in winter\n`);
    expect((await waivers(server.prodToken, 'list', '--model', 'delays')).stdout).toBe(granted.stdout);
    expect((await waivers(server.prodToken, 'list', '--model', 'fares')).stdout).toBe('none\n');

    const revoked = await waivers(server.prodToken, 'revoke', id);
    expect(revoked).toMatchObject({ code: 0, stderr: '' });
    expect(revoked.stdout).toMatch(/ended by admin at \S+: few rows in winter\n$/);
    const listed = await waivers(server.prodToken, 'list', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject({ waivers: [{ id, revoked_by: 'admin' }] });
    expect(await waivers(server.prodToken, 'revoke', 'none')).toMatchObject({ code: 1 });
  });

  it('says whose token is asked for when there is none', async () => {
    const refused = await waivers('', 'list');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/refused \(401 [^]*SUPERSTEP_TOKEN/)]);
  });
});
