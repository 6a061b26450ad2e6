import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../contracts/environments.ts';
import type { RegistryLocation } from '../../registry/database.ts';
import { environmentPaths } from '../../workers/configuration.ts';
import { messageForPerson } from '../message-for-person.ts';
import { defaultHome } from './stack-home.ts';

const PLACE = '{environment}';

/**
 * Where an environment's registry is: SUPERSTEP_REGISTRY_URL with the environment's name put in, or the file below
 * SUPERSTEP_HOME.
 *
 * @throws when the address would be the same for every environment, or there is no file: a script never makes one
 */
export function registryLocation(environment: Environment, env: NodeJS.ProcessEnv): RegistryLocation {
  const url = env['SUPERSTEP_REGISTRY_URL'];
  if (url) {
    if (url.includes(PLACE)) return { url: url.replaceAll(PLACE, environment) };
    throw messageForPerson(
      `SUPERSTEP_REGISTRY_URL has no ${PLACE} in it, so that all environments would share one database; expected for example postgres://superstep@db.example.com/superstep_${PLACE}`,
    );
  }
  const file = environmentPaths(environmentFolder(environment, env)).registry;
  if (existsSync(file)) return { file };
  throw messageForPerson(
    `there is no registry ${file}. "npm start" makes it; if yours is elsewhere, set SUPERSTEP_HOME or SUPERSTEP_REGISTRY_URL.`,
  );
}

/** The folder of an environment's state, its secrets among it. */
export function environmentFolder(environment: Environment, env: NodeJS.ProcessEnv): string {
  return join(defaultHome(env), environment);
}
