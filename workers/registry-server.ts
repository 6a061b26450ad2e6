import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { FastifyInstance } from 'fastify';
import { policyForModel } from '../activities/todays-policy.ts';
import type { Environment } from '../contracts/environments.ts';
import { createPolicyReader } from '../projects/policy-reader.ts';
import { createEnvironmentApi } from '../registry/api/environment-api.ts';
import { createRegistryServer, type EnvironmentApi } from '../registry/api/server.ts';
import { createArtifactStore } from '../registry/artifact-store.ts';
import { createAttestation } from '../registry/attestation.ts';
import { openRegistryDatabase } from '../registry/database.ts';
import { ensureAdminToken } from '../registry/identity/admin-token.ts';
import { createIdentity } from '../registry/identity/identity.ts';
import { loadServerKey } from '../registry/identity/server-key.ts';
import { createRegistry } from '../registry/registry.ts';
import { createDoorbell } from '../registry/webhooks/doorbell.ts';
import { createDeliveryRetention } from '../registry/webhooks/retention.ts';
import { loadSecretBox } from '../registry/webhooks/secret-box.ts';
import type { SendDeps } from '../registry/webhooks/send.ts';
import { environmentPaths } from './configuration.ts';
import type { RegistryServerConfiguration } from './registry-server-configuration.ts';
import { ringDoorbell } from './ring-doorbell.ts';
import { createTemporalGates } from './temporal-gates.ts';

/** A running registry server. */
export interface RegistryServer {
  /** The tracking URI of prod. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Takes a line for whoever operates the server. */
export type Announce = (line: string) => void;

const now = (): Date => new Date();

/**
 * Serves the registries of all environments from one address. This is where configuration becomes dependencies; the
 * routes read no environment variable, no clock and no policy file of their own.
 */
export async function startRegistryServer(
  configuration: RegistryServerConfiguration,
  announce: Announce,
): Promise<RegistryServer> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closers.reverse()) await step();
  };
  try {
    const temporal = createConnector(configuration);
    closers.push(temporal.close);
    const apis: Partial<Record<Environment, EnvironmentApi>> = {};
    for (const environment of configuration.environments) {
      const opened = await openEnvironment(configuration, environment, temporal.client, announce);
      closers.push(opened.close);
      apis[environment] = opened.api;
    }
    const app: FastifyInstance = await createRegistryServer({
      environments: apis,
      hosts: configuration.hosts,
      report: (error, request) =>
        announce(`${request} failed: ${error instanceof Error ? error.stack : String(error)}`),
    });
    closers.push(() => app.close());
    return { url: await app.listen({ host: configuration.host, port: configuration.port }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openEnvironment(
  configuration: RegistryServerConfiguration,
  environment: Environment,
  client: (environment: Environment) => Promise<Client>,
  announce: Announce,
): Promise<{ readonly api: EnvironmentApi; readonly close: () => Promise<void> }> {
  const folder = join(configuration.home, environment);
  const paths = environmentPaths(folder);
  await mkdir(folder, { recursive: true });
  const db = openRegistryDatabase(configuration.locate(environment));
  try {
    await db.migrate();
    const artifacts = createArtifactStore({ folder: paths.artifacts });
    const registry = createRegistry({ db, artifacts, now });
    const readPolicy = createPolicyReader({
      folder: configuration.policies,
      environment,
      onChange: ({ digest, policy: content, commit }) => registry.notePolicy({ digest, content, commit }),
      onMistake: (error) => announce(`the policy before stays in force: ${(error as Error).message}`),
    });
    const policy = async () => (await readPolicy()).policy;
    const policyOf = async (model: string) => policyForModel({ registry, artifacts }, await policy(), model);
    await policy();
    const identity = createIdentity({ db, now, policy });
    await announceAdmin({ db, folder, environment, announce });
    const { attest } = createAttestation({ db, now, key: await loadServerKey({ db, now, folder }) });
    const temporal = createTemporalGates({ client: () => client(environment), environment, attest });
    const { mlflowUi } = configuration;
    const report = reporter(announce);
    const sending: SendDeps = {
      environment,
      home: folder,
      secrets: await loadSecretBox(folder),
      now,
      print: announce,
      smtp: (variable) => configuration.mailServers[variable],
    };
    const served = { environment, db, registry, artifacts, identity, mlflowUi };
    const shared = { ...served, policy, policyOf, now, sending, report };
    const api = createEnvironmentApi({ ...shared, gates: temporal.gates, attest: temporal.attest });
    const notifications = async () => (await policy()).notifications;
    const doorbell = createDoorbell({ db, now, notifications, start: temporal.startDelivery });
    const retention = createDeliveryRetention({ db, now });
    const ringing = ringDoorbell(doorbell.startDueDeliveries, report);
    // By itself: while Temporal is away nothing starts, and old rows go all the same.
    const forgetting = ringDoorbell(retention.forgetDaily, report, 'forgetting old deliveries');
    return {
      api,
      close: async () => {
        await Promise.all([ringing.stop(), forgetting.stop()]);
        await db.close();
      },
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** What ended in no answer or in 500, for whoever reads the log. */
function reporter(announce: Announce): (error: unknown, request: string) => void {
  return (error, request) =>
    announce(`${request} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}

/** prod is never open to callers without a name: somebody must be able to let others in. */
async function announceAdmin({
  environment,
  announce,
  ...deps
}: Omit<Parameters<typeof ensureAdminToken>[0], 'now'> & {
  readonly environment: Environment;
  readonly announce: Announce;
}): Promise<void> {
  const admin = await ensureAdminToken({ ...deps, now });
  if (admin.state === 'created') {
    // The token itself is for the file alone: what is announced may go to a log.
    announce(`the admin token of ${environment} is in ${admin.file}`);
  } else if (admin.state === 'lost') announce(admin.problem);
}

/** One connection for all environments, made when the first gate is asked. */
function createConnector({ temporal }: RegistryServerConfiguration) {
  let connection: Connection | undefined;
  return {
    client: async (namespace: string): Promise<Client> => {
      connection ??= Connection.lazy({ ...temporal, tls: temporal.tls ?? null });
      return new Client({ connection, namespace });
    },
    close: async (): Promise<void> => connection?.close(),
  };
}
