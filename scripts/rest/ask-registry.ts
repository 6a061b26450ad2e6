import { join } from 'node:path';
import type { Environment } from '../../contracts/environments.ts';
import { readSecretFile } from '../../registry/identity/secret-file.ts';
import { configFolder } from '../decide/private-key.ts';
import { choosePorts, HOST } from '../dev-server/ports.ts';
import { readDevConfig } from '../dev-server/read-dev-config.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

/** The registry's address of an environment: SUPERSTEP_REGISTRY_ADDRESS, else the local stack's. */
export async function registryUrl(environment: Environment, env: NodeJS.ProcessEnv): Promise<string> {
  const given = env['SUPERSTEP_REGISTRY_ADDRESS'];
  const base = given ? given.replace(/\/+$/, '') : await localRegistry(env);
  return environment === 'prod' ? base : `${base}/${environment}`;
}

async function localRegistry(env: NodeJS.ProcessEnv): Promise<string> {
  const ports = await choosePorts(await readDevConfig(), env);
  return `http://${HOST}:${ports.registry}`;
}

/** SUPERSTEP_TOKEN, or what the person's token file holds; undefined when there is neither. */
export async function findToken(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const token = (env['SUPERSTEP_TOKEN'] || (await readSecretFile(tokenFile(env))))?.trim();
  return token === '' ? undefined : token;
}

/** @throws when there is no token, saying how to get one */
export async function readToken(env: NodeJS.ProcessEnv): Promise<string> {
  const token = await findToken(env);
  if (token !== undefined) return token;
  throw messageForPerson(
    `the policy wants to know who decides: set SUPERSTEP_TOKEN, or put your token into ${tokenFile(env)} (mode 0600). An administrator gives it out: npm run users -- token new NAME`,
  );
}

function tokenFile(env: NodeJS.ProcessEnv): string {
  return join(configFolder(env), 'token');
}

export interface RegistryRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly token: string | undefined;
  readonly body?: unknown;
}

/** Sends a request and answers what came back, as JSON. @throws with the server's own words when it refuses */
export async function askRegistry({ method, url, token, body }: RegistryRequest): Promise<unknown> {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(url, sent).catch((error: unknown) => {
    throw messageForPerson(
      `no registry answers on ${url}: ${firstLine(error)}. Start one (npm start), or name another in SUPERSTEP_REGISTRY_ADDRESS.`,
    );
  });
  const text = await response.text();
  const answer = parsed(text);
  if (response.ok && answer !== undefined) return answer;
  const { error_code: code, message } = (answer ?? {}) as { readonly error_code?: string; readonly message?: string };
  throw messageForPerson(
    `the registry refused (${response.status} ${code ?? response.statusText}): ${message ?? text.slice(0, 1_000)}${response.status === 401 ? `\n${WHOSE_TOKEN}` : ''}`,
  );
}

// The server speaks of headers and of MLflow's variables; whoever runs a script has neither.
const WHOSE_TOKEN =
  'Scripts take the token from SUPERSTEP_TOKEN, or from ~/.config/superstep/token (mode 0600); the first admin token lies in <SUPERSTEP_HOME>/<environment>/admin-token.';

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
