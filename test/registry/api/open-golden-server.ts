import type { AddressInfo } from 'node:net';
import { createRegistryServer } from '../../../registry/api/server.ts';
import { createTrackingRoutes } from '../../../registry/api/tracking-routes.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { openTestRegistry } from '../open-test-registry.ts';

/** An environment whose policy guards nothing, on an empty registry, with a caller who may do everything. */
export async function openGoldenServer() {
  const registry = await openTestRegistry();
  // Each instant is a millisecond after the one before: orders by time are orders by what came first.
  let clock = Date.parse('2024-01-01T00:00:00Z');
  const now = (): Date => new Date((clock += 1));
  const caller = createCaller({ name: 'anonymous', proof: 'anonymous', roles: ['admin'] });
  const bugs: unknown[] = [];
  const app = await createRegistryServer({
    environments: {
      prod: {
        environment: 'prod',
        routes: [...createTrackingRoutes({ db: registry.db, now })],
        streams: [],
        authenticate: async () => caller,
      },
    },
    report: (error) => bugs.push(error),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    port: (app.server.address() as AddressInfo).port,
    /** What was answered with 500. */
    bugs,
    close: async (): Promise<void> => {
      await app.close();
      await registry.close();
    },
  };
}
