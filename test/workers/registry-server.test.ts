import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openRegistryDatabase } from '../../registry/database.ts';
import { ROOT } from '../../scripts/stack/stack-home.ts';
import { environmentPaths } from '../../workers/configuration.ts';
import { startRegistryServer } from '../../workers/registry-server.ts';
import { readRegistryServerConfiguration } from '../../workers/registry-server-configuration.ts';

it('the registry’s server forgets old deliveries by itself, whether Temporal is there or not', async () => {
  const home = await mkdtemp(join(tmpdir(), 'registry-server-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  await mkdir(join(home, 'dev'));
  const db = openRegistryDatabase({ file: environmentPaths(join(home, 'dev')).registry });
  onTestFinished(() => db.close());
  await db.migrate();
  const at = '2001-03-01T00:00:00.000Z';
  await db.write(async (trx) => {
    const times = { created_ms: 0, updated_ms: 0 };
    await trx('subscribers').insert({ id: 'w', kind: 'mlflow', events: '[]', status: 'DISABLED', cursor: 0, ...times });
    const rows = ['delivered', 'pending'].map((status, activity) => ({
      ...{ subscriber_id: 'w', activity, event: 'e', delivery_id: status, status, created_at: at },
      delivered_at: status === 'delivered' ? at : null,
    }));
    await trx('deliveries').insert(rows);
  });

  const configuration = readRegistryServerConfiguration({
    SUPERSTEP_HOME: home,
    SUPERSTEP_POLICIES: join(ROOT, 'policies'),
    SUPERSTEP_ENVIRONMENTS: 'dev',
    SUPERSTEP_REGISTRY_PORT: '0',
    // Nobody listens there.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  });
  const server = await startRegistryServer(configuration, () => undefined);
  try {
    const left = () => db.read((knex) => knex<{ delivery_id: string }>('deliveries').pluck('delivery_id'));
    await vi.waitFor(async () => expect(await left()).toEqual(['pending']), { timeout: 20_000 });
  } finally {
    await server.close();
  }
});
