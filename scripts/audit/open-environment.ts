import type { Environment } from '../../contracts/environments.ts';
import { type ArtifactStore, createArtifactStore } from '../../registry/artifact-store.ts';
import { openRegistryDatabase, type RegistryDatabase } from '../../registry/database.ts';
import { createRegistry, type Registry } from '../../registry/registry.ts';
import { environmentPaths } from '../../workers/configuration.ts';
import { environmentFolder, registryLocation } from '../stack/registry-location.ts';

/** An environment's records, beside whatever else works on them. */
export interface OpenEnvironment {
  readonly environment: Environment;
  readonly home: string;
  readonly db: RegistryDatabase;
  readonly artifacts: ArtifactStore;
  readonly registry: Registry;
  readonly close: () => Promise<void>;
}

/**
 * Opens the records of an environment under SUPERSTEP_HOME; its registry may be the PostgreSQL database that
 * SUPERSTEP_REGISTRY_URL names.
 *
 * @throws when there is none, saying where it was looked for
 */
export async function openEnvironment(environment: Environment, env: NodeJS.ProcessEnv): Promise<OpenEnvironment> {
  const home = environmentFolder(environment, env);
  const paths = environmentPaths(home);
  const db = openRegistryDatabase(registryLocation(environment, env));
  const artifacts = createArtifactStore({ folder: paths.artifacts });
  const registry = createRegistry({ db, artifacts, now: () => new Date() });
  return { environment, home, db, artifacts, registry, close: () => db.close() };
}
