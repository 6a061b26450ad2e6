import type { AddressInfo } from 'node:net';
import type { Policy } from '../../../contracts/schemas/policy.ts';
import { createArtifactFiles } from '../../../registry/artifact-files.ts';
import { createArtifactLocations } from '../../../registry/artifact-locations.ts';
import { createArtifactRoutes } from '../../../registry/api/artifact-routes.ts';
import { registerArtifactStreams } from '../../../registry/api/artifact-streams.ts';
import { createLoggedModelRoutes } from '../../../registry/api/logged-model-routes.ts';
import { createRegistryServer } from '../../../registry/api/server.ts';
import { createTrackingRoutes } from '../../../registry/api/tracking-routes.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { createLoggedModels } from '../../../registry/logged-models/logged-models.ts';
import { openTestRegistry } from '../open-test-registry.ts';

/**
 * A registry server with runs, logged models and artifacts. `Bearer <role>` has that role, and whoever sends nothing
 * contributes.
 */
export async function openArtifactServer({ directChanges }: { readonly directChanges: Policy['direct_changes'] }) {
  const registry = await openTestRegistry();
  const { db, artifacts } = registry;
  let clock = Date.parse('2024-01-01T00:00:00Z');
  const now = (): Date => new Date((clock += 1));
  const files = createArtifactFiles({ db, now });
  const locations = createArtifactLocations({ db });
  const loggedModels = createLoggedModels({ db, now });
  const policy = async (): Promise<Policy> => ({ direct_changes: directChanges }) as Policy;
  const bugs: unknown[] = [];
  const report = (error: unknown): void => void bugs.push(error);
  const app = await createRegistryServer({
    environments: {
      prod: {
        environment: 'prod',
        routes: [
          ...createTrackingRoutes({ db, now }),
          ...createArtifactRoutes({ files, locations }),
          ...createLoggedModelRoutes({ files, locations, loggedModels }),
        ],
        streams: [(scope) => registerArtifactStreams(scope, { artifacts, files, locations, policy, report })],
        authenticate: async ({ authorization }) => {
          const role = authorization?.split(' ')[1] ?? 'contributor';
          return createCaller({ name: role, proof: 'token', roles: role === 'nobody' ? [] : [role] });
        },
      },
    },
    report,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    ...registry,
    files,
    port: (app.server.address() as AddressInfo).port,
    /** What was answered with 500, or broke a connection. */
    bugs,
    close: async (): Promise<void> => {
      await app.close();
      await registry.close();
    },
  };
}

export type ArtifactServer = Awaited<ReturnType<typeof openArtifactServer>>;
