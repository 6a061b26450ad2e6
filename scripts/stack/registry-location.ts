import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../contracts/environments.ts';
import type { RegistryLocation } from '../../registry/database.ts';
import { locateRegistry } from '../../workers/configuration.ts';
import { messageForPerson } from '../message-for-person.ts';
import { defaultHome } from './stack-home.ts';

/**
 * Where an environment's registry is: SUPERSTEP_REGISTRY_URL with the environment's name put in, or the file below
 * SUPERSTEP_HOME.
 *
 * @throws when the address would be the same for every environment, or there is no file: a script never makes one
 */
export function registryLocation(environment: Environment, env: NodeJS.ProcessEnv): RegistryLocation {
  const location = locateRegistry(environment, environmentFolder(environment, env), env['SUPERSTEP_REGISTRY_URL']);
  if ('url' in location || existsSync(location.file)) return location;
  throw messageForPerson(
    `there is no registry ${location.file}. "npm start" makes it; if yours is elsewhere, set SUPERSTEP_HOME or SUPERSTEP_REGISTRY_URL.`,
  );
}

/** The folder of an environment's state, its secrets among it. */
export function environmentFolder(environment: Environment, env: NodeJS.ProcessEnv): string {
  return join(defaultHome(env), environment);
}
