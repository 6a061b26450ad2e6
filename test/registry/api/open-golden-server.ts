import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { policySchema } from '../../../contracts/schemas/policy.ts';
import { createArtifactRoutes } from '../../../registry/api/artifact-routes.ts';
import { registerArtifactStreams } from '../../../registry/api/artifact-streams.ts';
import type { GateWorkflows } from '../../../registry/api/gate-workflows.ts';
import { createLoggedModelRoutes } from '../../../registry/api/logged-model-routes.ts';
import { createModelRoutes } from '../../../registry/api/model-routes.ts';
import { createRegistryServer } from '../../../registry/api/server.ts';
import type { RestRoute } from '../../../registry/api/route.ts';
import { createTrackingRoutes } from '../../../registry/api/tracking-routes.ts';
import { createArtifactFiles } from '../../../registry/artifact-files.ts';
import { createArtifactLocations } from '../../../registry/artifact-locations.ts';
import { createArtifactStore } from '../../../registry/artifact-store.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { createLoggedModels } from '../../../registry/logged-models/logged-models.ts';
import { createRegistry } from '../../../registry/registry.ts';
import { openTestDatabase } from '../test-database.ts';

const POLICY = policySchema.parse({
  compliance: {},
  comparison: {},
  rollback: { by: ['ml-lead'] },
  approval: { approvers: ['governance'] },
  direct_changes: 'allowed',
});

const noGates: GateWorkflows = {
  startPromotion: () => Promise.reject(new Error('no line starts a workflow')),
  decide: () => Promise.reject(new Error('no line decides')),
  wake: () => Promise.resolve(),
};

/** The environment dev, whose policy guards nothing, on an empty registry, with a caller who may do everything. */
export async function openGoldenServer() {
  const { db, folder, close } = await openTestDatabase();
  // Each instant is a millisecond after the one before: orders by time are orders by what came first.
  let clock = Date.parse('2024-01-01T00:00:00Z');
  const now = (): Date => new Date((clock += 1));
  const artifacts = createArtifactStore({ folder: join(folder, 'artifacts') });
  const policy = () => Promise.resolve(POLICY);
  const bugs: unknown[] = [];
  const report = (error: unknown): void => void bugs.push(error);
  const stored = { files: createArtifactFiles({ db, now }), locations: createArtifactLocations({ db }) };
  const routes: readonly RestRoute[] = [
    ...createTrackingRoutes({ db, now }),
    ...createModelRoutes({ registry: createRegistry({ db, artifacts, now }), policy, gates: noGates, now }),
    ...createArtifactRoutes(stored),
    ...createLoggedModelRoutes({ ...stored, loggedModels: createLoggedModels({ db, now }) }),
  ];
  const app = await createRegistryServer({
    environments: {
      dev: {
        environment: 'dev',
        routes,
        streams: [(scope) => registerArtifactStreams(scope, { ...stored, artifacts, policy, report })],
        authenticate: async () => createCaller({ name: 'anonymous', proof: 'anonymous', roles: ['admin'] }),
      },
    },
    report,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    app,
    routes,
    port: (app.server.address() as AddressInfo).port,
    /** What was answered with 500. */
    bugs,
    close: async (): Promise<void> => {
      await app.close();
      await close();
    },
  };
}
