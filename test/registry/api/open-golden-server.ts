import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { policySchema, type Policy } from '../../../contracts/schemas/policy.ts';
import { createEnvironmentApi } from '../../../registry/api/environment-api.ts';
import type { GateWorkflows } from '../../../registry/api/gate-workflows.ts';
import { createRegistryServer } from '../../../registry/api/server.ts';
import { createArtifactStore } from '../../../registry/artifact-store.ts';
import type { Caller } from '../../../registry/identity/caller.ts';
import { createIdentity } from '../../../registry/identity/identity.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import { createRegistry } from '../../../registry/registry.ts';
import { loadSecretBox } from '../../../registry/webhooks/secret-box.ts';
import { openTestDatabase, type TestDatabase } from '../test-database.ts';

const POLICY = policySchema.parse({
  compliance: {},
  comparison: {},
  rollback: { by: ['ml-lead'] },
  approval: { approvers: ['governance'] },
  direct_changes: 'allowed',
});

/** No recorded line asks a workflow; what is made up may. */
const GATES: GateWorkflows = {
  startPromotion: ({ model, version }) => Promise.resolve(`promote-model/${model}/${version}`),
  startRollback: ({ model, ask }) => Promise.resolve(`roll-back-model/${model}/${ask}`),
  decide: () => Promise.resolve({ counted: false, whyNot: 'nobody waits', failure: 'StaleDecision' }),
  wake: () => Promise.resolve(),
};

/** Somebody without a name, as the recorded lines have it, who may do what no one has to sign for. */
const NOBODY = createCaller({ name: 'anonymous', proof: 'anonymous', roles: ['admin'] });

interface GoldenServerOptions {
  /** The default is one of its own, which goes with the server. */
  readonly database?: TestDatabase;
  /** The default guards nothing. */
  readonly policy?: Policy;
  readonly mlflowUi?: string | null;
  readonly busyTimeoutMs?: number;
  /** What workflows answer otherwise. */
  readonly gates?: Partial<GateWorkflows>;
}

/**
 * The environment dev on an empty registry. All calls are the caller's, or, by token, those of whom they show: without
 * any, of whom the policy lets in.
 */
export async function openGoldenServer(
  caller: Caller | 'by token' = NOBODY,
  { mlflowUi = null, busyTimeoutMs = 10_000, database, policy: inForce = POLICY, gates }: GoldenServerOptions = {},
) {
  const { db, folder, location, close } = database ?? (await openTestDatabase({ busyTimeoutMs }));
  // Each instant is a millisecond after the one before: orders by time are orders by what came first.
  let clock = Date.parse('2024-01-01T00:00:00Z');
  const now = (): Date => new Date((clock += 1));
  const artifacts = createArtifactStore({ folder: join(folder, 'artifacts') });
  const policy = () => Promise.resolve(inForce);
  const bugs: unknown[] = [];
  const report = (error: unknown): void => void bugs.push(error);
  const stored = { db, artifacts, now };
  const identity = createIdentity({ db, now, policy });
  const api = createEnvironmentApi({
    ...stored,
    environment: 'dev',
    registry: createRegistry(stored),
    identity,
    policy,
    policyOf: policy,
    gates: { ...GATES, ...gates },
    attest: () => Promise.resolve({}),
    report,
    sending: {
      environment: 'dev',
      home: folder,
      secrets: await loadSecretBox(folder),
      now,
      print: () => undefined,
      smtp: () => undefined,
    },
    mlflowUi,
  });
  const app = await createRegistryServer({
    environments: { dev: caller === 'by token' ? api : { ...api, authenticate: async () => caller } },
    report,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    app,
    db,
    identity,
    routes: api.routes,
    location,
    port: (app.server.address() as AddressInfo).port,
    /** What was answered with 500. */
    bugs,
    close: async (): Promise<void> => {
      await app.close();
      await close();
    },
  };
}
