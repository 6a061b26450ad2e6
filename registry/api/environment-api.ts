import type { FastifyInstance } from 'fastify';
import type { Environment } from '../../contracts/environments.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import { createArtifactFiles } from '../artifact-files.ts';
import { createArtifactLocations } from '../artifact-locations.ts';
import type { ArtifactStore } from '../artifact-store.ts';
import type { RegistryDatabase } from '../database.ts';
import type { Identity } from '../identity/identity.ts';
import { createLoggedModels } from '../logged-models/logged-models.ts';
import type { Registry } from '../registry.ts';
import type { SendDeps } from '../webhooks/send.ts';
import { createWebhooks } from '../webhooks/webhooks.ts';
import { createArtifactRoutes } from './artifact-routes.ts';
import { registerArtifactStreams } from './artifact-streams.ts';
import type { AttestDecision, GateWorkflows } from './gate-workflows.ts';
import { createGovernanceRoutes } from './governance-routes.ts';
import { createLoggedModelRoutes } from './logged-model-routes.ts';
import { createModelRoutes } from './model-routes.ts';
import type { RestRoute } from './route.ts';
import type { EnvironmentApi } from './server.ts';
import { createTrackingRoutes } from './tracking-routes.ts';
import { createTransitionRoutes } from './transition-routes.ts';
import { registerWebUi } from './ui/web-ui.ts';
import { createUserRoutes } from './user-routes.ts';
import { createWebhookRoutes } from './webhook-routes.ts';

/** What the face of an environment is put together from. */
export interface EnvironmentApiDeps {
  readonly environment: Environment;
  readonly db: RegistryDatabase;
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly identity: Identity;
  /** The environment's policy of today. */
  readonly policy: () => Promise<Policy>;
  /** The same, with the rules of a model's risk tier. */
  readonly policyOf: (model: string) => Promise<Policy>;
  readonly gates: GateWorkflows;
  readonly attest: AttestDecision;
  readonly now: () => Date;
  /** What test calls of webhooks are sent with. */
  readonly sending: SendDeps;
  /** Gets what went wrong and had no answer to be told in. */
  readonly report: (error: unknown, request: string) => void;
  /** Folder of MLflow's web UI; null to serve the API alone. */
  readonly mlflowUi: string | null;
}

/** All that an environment's registry answers over HTTP. */
export function createEnvironmentApi(deps: EnvironmentApiDeps): EnvironmentApi {
  const { environment, db, identity, policy, mlflowUi, now, sending } = deps;
  const files = createArtifactFiles({ db, now });
  const locations = createArtifactLocations({ db });
  const routes: RestRoute[] = [
    ...createTrackingRoutes(deps),
    ...createArtifactRoutes({ files, locations }),
    ...createLoggedModelRoutes({ files, locations, loggedModels: createLoggedModels({ db, now }) }),
    ...createModelRoutes(deps),
    ...createTransitionRoutes(deps),
    ...createGovernanceRoutes(deps),
    ...createUserRoutes({ identity, policy, onApproversChanged: () => wakeWaitingGates(deps) }),
    ...createWebhookRoutes({ webhooks: createWebhooks({ db, now, secrets: sending.secrets }), policy, sending }),
  ];
  const bytes = (scope: FastifyInstance): void => registerArtifactStreams(scope, { ...deps, files, locations });
  const pages = mlflowUi === null ? [] : [registerWebUi({ folder: mlflowUi, routes })];
  return { environment, routes, streams: [bytes, ...pages], authenticate: identity.authenticate };
}

/** What changed stands, whether or not the gates hear of it: a promotion looks at the registry once more. */
async function wakeWaitingGates({ registry, gates, report }: EnvironmentApiDeps): Promise<void> {
  try {
    await gates.wake(await registry.waitingGates());
  } catch (error) {
    report(error, 'waking the gates');
  }
}
