import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { firstLine, messageForPerson } from '../message-for-person.ts';
import { serverAddress } from './server-address.ts';

/**
 * Connects to the server that {@link serverAddress} names, with TLS and keys from Temporal's standard environment variables.
 *
 * @throws when none answers, saying where and what to do.
 */
export async function connectToServer(env: NodeJS.ProcessEnv): Promise<Connection> {
  const address = await serverAddress(env);
  const { connectionOptions } = loadClientConnectConfig({ overrideEnvVars: definedVariables(env) });
  try {
    return await Connection.connect({ ...connectionOptions, address, connectTimeout: 10_000 });
  } catch (error) {
    throw messageForPerson(
      `no Temporal server answers on ${address}: ${firstLine(error)}. Start one (npm start), or name another in TEMPORAL_ADDRESS.`,
    );
  }
}

function definedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
