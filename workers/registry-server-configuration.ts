import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ENVIRONMENTS, type Environment } from '../contracts/environments.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import {
  locateRegistry,
  readMailServers,
  temporalConnection,
  type MailServers,
  type TemporalConnection,
} from './configuration.ts';
import type { RegistryLocation } from '../registry/database.ts';

const filled = z.string().min(1);
const port = z.coerce.number().int().min(0).max(65_535);

const environmentVariables = z.object({
  SUPERSTEP_HOME: filled.default('.superstep'),
  SUPERSTEP_POLICIES: filled.default('policies'),
  SUPERSTEP_ENVIRONMENTS: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(ENVIRONMENTS)).min(1))
    .default([...ENVIRONMENTS]),
  SUPERSTEP_REGISTRY_HOST: filled.default('127.0.0.1'),
  SUPERSTEP_REGISTRY_PORT: port.default(5000),
  /** Names that this server goes by besides loopback's, separated by commas, each with the port that browsers show. */
  SUPERSTEP_REGISTRY_HOSTS: z.string().default(''),
  SUPERSTEP_REGISTRY_URL: filled.optional(),
  SUPERSTEP_EVIDENCE_URL: filled.default('http://127.0.0.1:8234'),
  SUPERSTEP_MLFLOW_UI: filled.optional(),
  TEMPORAL_ADDRESS: filled.default('127.0.0.1:7233'),
});

/** Everything that the registry's server is told, read once at its start. */
export interface RegistryServerConfiguration {
  /** Folder of all environments' state. */
  readonly home: string;
  readonly policies: string;
  readonly environments: readonly Environment[];
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly hosts: readonly string[];
  /** Where the registry of an environment is. */
  readonly locate: (environment: Environment) => RegistryLocation;
  readonly mailServers: MailServers;
  readonly evidenceUrl: string;
  /** Folder of MLflow's web UI; null to serve the API alone. */
  readonly mlflowUi: string | null;
  readonly temporal: TemporalConnection;
}

/** Reads the configuration from environment variables; a missing or wrong one is named, with what was expected. */
export function readRegistryServerConfiguration(variables: NodeJS.ProcessEnv): RegistryServerConfiguration {
  const parsed = environmentVariables.safeParse(variables);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    throw new SuperstepError('InvalidInput', `the registry's environment variables have mistakes: ${faults}`);
  }
  const v = parsed.data;
  const home = resolve(v.SUPERSTEP_HOME);
  return {
    home,
    policies: resolve(v.SUPERSTEP_POLICIES),
    environments: v.SUPERSTEP_ENVIRONMENTS,
    host: v.SUPERSTEP_REGISTRY_HOST,
    port: v.SUPERSTEP_REGISTRY_PORT,
    hosts: v.SUPERSTEP_REGISTRY_HOSTS.split(',').filter((name) => name !== ''),
    locate: (environment) => locateRegistry(environment, join(home, environment), v.SUPERSTEP_REGISTRY_URL),
    mailServers: readMailServers(variables),
    evidenceUrl: v.SUPERSTEP_EVIDENCE_URL,
    mlflowUi: v.SUPERSTEP_MLFLOW_UI ?? null,
    temporal: temporalConnection(variables, v.TEMPORAL_ADDRESS),
  };
}
