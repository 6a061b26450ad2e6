import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Environment } from '../../contracts/environments.ts';
import { readSecretFile } from '../../registry/identity/secret-file.ts';
import { choosePorts, HOST } from '../dev-server/ports.ts';
import { readDevConfig } from '../dev-server/read-dev-config.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';
import { configFolder } from './private-key.ts';

/** Runs the Temporal CLI; resolves with its exit code. */
export function runTemporalCli(cli: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(cli, args, { stdio: 'inherit', env });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

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

/** SUPERSTEP_TOKEN, or what the token file holds. @throws when there is neither */
export async function readToken(env: NodeJS.ProcessEnv): Promise<string> {
  const file = join(configFolder(env), 'token');
  const token = (env['SUPERSTEP_TOKEN'] || (await readSecretFile(file)))?.trim();
  if (token) return token;
  throw messageForPerson(
    `the policy wants to know who decides: set SUPERSTEP_TOKEN, or put your token into ${file} (mode 0600). An administrator gives it out: npm run users -- token new NAME`,
  );
}

/** Posts JSON with a token; answers what came back. @throws with the server's own words when it refuses */
export async function postJson(url: string, body: unknown, token: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch((error: unknown) => {
    throw messageForPerson(
      `no registry answers on ${url}: ${firstLine(error)}. Start one (npm start), or name another in SUPERSTEP_REGISTRY_ADDRESS.`,
    );
  });
  const text = await response.text();
  const answer = parsed(text);
  if (response.ok && answer !== undefined) return answer;
  const { error_code: code, message } = (answer ?? {}) as { readonly error_code?: string; readonly message?: string };
  throw messageForPerson(
    `the registry refused (${response.status} ${code ?? response.statusText}): ${message ?? text.slice(0, 1_000)}`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
