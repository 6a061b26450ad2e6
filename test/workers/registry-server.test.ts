import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
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

// Linux answers for all of 127.0.0.0/8: at 127.0.0.2 is who listens on every address, not who listens on 127.0.0.1.
it.runIf(process.platform === 'linux')(
  'the registry’s server is reached by loopback alone unless told otherwise',
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'registry-server-'));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const variables = {
      SUPERSTEP_HOME: home,
      SUPERSTEP_POLICIES: join(ROOT, 'policies'),
      SUPERSTEP_ENVIRONMENTS: 'dev',
      SUPERSTEP_REGISTRY_PORT: '0',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    };
    const reached = async (given: NodeJS.ProcessEnv, host: string): Promise<string> => {
      const server = await startRegistryServer(readRegistryServerConfiguration(given), () => undefined);
      const socket = connect({ host, port: Number(new URL(server.url).port) });
      try {
        return await once(socket, 'connect').then(
          () => 'reached',
          (error: NodeJS.ErrnoException) => error.code ?? String(error),
        );
      } finally {
        socket.destroy();
        await server.close();
      }
    };
    expect(await reached(variables, '127.0.0.1')).toBe('reached');
    expect(await reached(variables, '127.0.0.2')).toBe('ECONNREFUSED');
    // Told otherwise, it is: the look above sees what it is to see.
    expect(await reached({ ...variables, SUPERSTEP_REGISTRY_HOST: '127.0.0.2' }, '127.0.0.2')).toBe('reached');
  },
);
