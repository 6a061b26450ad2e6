import { availableParallelism } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { z } from 'zod';
import { ENVIRONMENTS, type Environment } from '../contracts/environments.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { RegistryLocation } from '../registry/database.ts';

/** What a worker process does: `workflows` serves the queue `superstep`, `data` serves `superstep-data` and `superstep-train`. */
export const WORKER_ROLES = ['workflows', 'data'] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];

const filled = z.string().min(1);

const environmentVariables = z.object({
  SUPERSTEP_ENVIRONMENT: z.enum(ENVIRONMENTS),
  SUPERSTEP_ROLE: z.enum(WORKER_ROLES),
  SUPERSTEP_HOME: filled.default('.superstep'),
  SUPERSTEP_PROJECTS: filled.default('examples'),
  SUPERSTEP_POLICIES: filled.default('policies'),
  SUPERSTEP_DUCKDB_EXTENSIONS: filled,
  LIGHTGBM_LIB: filled,
  SUPERSTEP_WORKFLOW_BUNDLE: filled,
  SUPERSTEP_ENDPOINT_URL: filled,
  SUPERSTEP_EVIDENCE_URL: filled,
  SUPERSTEP_REGISTRY_URL: z.string().optional(),
  TEMPORAL_ADDRESS: filled.default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: filled.optional(),
  SUPERSTEP_LAKE_MEMORY: filled.default('1GB'),
  SUPERSTEP_THREADS: z.coerce.number().int().min(1).max(256).default(availableParallelism()),
});

/** How to reach Temporal. */
export type TemporalConnection = NativeConnectionOptions & { readonly address: string };

/** Everything a worker process is told, read once at its start. */
export interface WorkerConfiguration {
  readonly environment: Environment;
  readonly role: WorkerRole;
  /** Folder of this environment's lake, registry, artifacts and exports. */
  readonly home: string;
  readonly registry: RegistryLocation;
  readonly projectRoots: readonly string[];
  readonly policies: string;
  readonly duckdbExtensions: string;
  readonly lightgbmLib: string;
  readonly workflowBundle: string;
  readonly endpointUrl: string;
  readonly evidenceUrl: string;
  readonly temporal: TemporalConnection;
  readonly namespace: string;
  readonly lakeMemory: string;
  readonly threads: number;
  /** Mail servers by the variables that policies name: smtp(s)://user:password@host:port. */
  readonly mailServers: MailServers;
}

/** Reads the configuration from environment variables; a missing or wrong one is named, with what was expected. */
export function readConfiguration(variables: NodeJS.ProcessEnv): WorkerConfiguration {
  const parsed = environmentVariables.safeParse(variables);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    throw new SuperstepError(
      'InvalidInput',
      `the worker's environment variables are incomplete: ${faults}. "npm start" sets them.`,
    );
  }
  const v = parsed.data;
  const home = resolve(v.SUPERSTEP_HOME, v.SUPERSTEP_ENVIRONMENT);
  return {
    environment: v.SUPERSTEP_ENVIRONMENT,
    role: v.SUPERSTEP_ROLE,
    home,
    registry: locateRegistry(v.SUPERSTEP_ENVIRONMENT, home, v.SUPERSTEP_REGISTRY_URL),
    projectRoots: v.SUPERSTEP_PROJECTS.split(delimiter).map((root) => resolve(root)),
    policies: resolve(v.SUPERSTEP_POLICIES),
    duckdbExtensions: v.SUPERSTEP_DUCKDB_EXTENSIONS,
    lightgbmLib: v.LIGHTGBM_LIB,
    workflowBundle: v.SUPERSTEP_WORKFLOW_BUNDLE,
    endpointUrl: v.SUPERSTEP_ENDPOINT_URL,
    evidenceUrl: v.SUPERSTEP_EVIDENCE_URL,
    temporal: temporalConnection(variables, v.TEMPORAL_ADDRESS),
    namespace: v.TEMPORAL_NAMESPACE ?? v.SUPERSTEP_ENVIRONMENT,
    lakeMemory: v.SUPERSTEP_LAKE_MEMORY,
    threads: v.SUPERSTEP_THREADS,
    mailServers: readMailServers(variables),
  };
}

/** Address, TLS and keys, from Temporal's standard environment variables. */
export function temporalConnection(variables: NodeJS.ProcessEnv, address: string): TemporalConnection {
  const defined = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(defined) }).connectionOptions, address };
}

export type MailServers = Readonly<Record<string, string>>;

/** All variables that a policy may name as mail server. */
export function readMailServers(variables: NodeJS.ProcessEnv): MailServers {
  const servers = Object.entries(variables).filter(
    (entry): entry is [string, string] => entry[0].startsWith('SUPERSTEP_SMTP') && (entry[1] ?? '') !== '',
  );
  return Object.fromEntries(servers);
}

/** Where an environment keeps its parts. */
export interface EnvironmentPaths {
  readonly lakeCatalog: string;
  readonly lakeData: string;
  readonly registry: string;
  readonly artifacts: string;
  readonly exports: string;
  readonly scratch: string;
}

export function environmentPaths(home: string): EnvironmentPaths {
  return {
    lakeCatalog: join(home, 'lake.sqlite'),
    lakeData: join(home, 'lake'),
    registry: join(home, 'registry.sqlite'),
    artifacts: join(home, 'artifacts'),
    exports: join(home, 'exports'),
    scratch: join(home, 'scratch'),
  };
}

const PLACE = '{environment}';

/**
 * Where an environment's registry is: the PostgreSQL database that SUPERSTEP_REGISTRY_URL names, the environment's name
 * put in for `{environment}`, or, without that variable, a file in the environment's folder.
 *
 * @throws InvalidInput for a URL that is none of PostgreSQL's, or the same for every environment
 */
export function locateRegistry(environment: Environment, home: string, url: string | undefined): RegistryLocation {
  if (url === undefined || url === '') return { file: environmentPaths(home).registry };
  const example = `expected for example postgres://superstep@db.example.com/superstep_${PLACE}`;
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new SuperstepError('InvalidInput', `SUPERSTEP_REGISTRY_URL is no address of PostgreSQL; ${example}`);
  }
  if (url.includes(PLACE)) return { url: url.replaceAll(PLACE, environment) };
  throw new SuperstepError(
    'InvalidInput',
    `SUPERSTEP_REGISTRY_URL has no ${PLACE} in it, so that all environments would share one database; ${example}`,
  );
}
