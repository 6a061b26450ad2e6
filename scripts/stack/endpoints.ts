import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../contracts/environments.ts';
import { environmentPaths, locateRegistry } from '../../workers/configuration.ts';
import { HOST, type Ports } from '../dev-server/ports.ts';
import { messageForPerson } from '../message-for-person.ts';
import { type SupervisedProcess, superviseProcess } from '../processes/supervise-process.ts';
import { typescriptArguments } from '../processes/typescript-process.ts';
import { withTicks } from '../setup/report.ts';
import type { ChildSettings } from './child-settings.ts';
import { ROOT } from './stack-home.ts';
import { unlessAborted } from './undo.ts';

export interface EndpointSettings extends ChildSettings {
  readonly ports: Pick<Ports, 'endpoints'>;
}

const ENDPOINT_PROGRAM = fileURLToPath(new URL('../../serving/endpoint-process.ts', import.meta.url));
const GRACE_MS = 10_000;
const POLL_MS = 500;
const LIVE_WITHIN_MS = 60_000;

/** Starts the endpoint of each environment in a process of its own and waits until all of them are live. */
export async function startEndpoints(settings: EndpointSettings): Promise<SupervisedProcess[]> {
  const { report, signal } = settings;
  const started = await Promise.all(settings.environments.map((name) => startEndpoint(settings, name)));
  const live = Promise.all(started.map(waitUntilLive));
  await withTicks(report, `waiting for ${started.length} endpoints`, 2_000, unlessAborted(signal, live));
  return started.map(({ endpoint }) => endpoint);
}

interface StartedEndpoint {
  readonly endpoint: SupervisedProcess;
  readonly url: string;
}

async function startEndpoint(settings: EndpointSettings, environment: Environment): Promise<StartedEndpoint> {
  const { home, report, undo } = settings;
  const port = settings.ports.endpoints[environment];
  const folder = join(home, environment);
  const registry = locateRegistry(environment, folder, settings.env['SUPERSTEP_REGISTRY_URL']);
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'endpoint.json');
  const artifactsFolder = environmentPaths(folder).artifacts;
  // A URL may hold a password.
  await rm(config, { force: true });
  await writeFile(config, JSON.stringify({ port, host: HOST, registry, artifactsFolder, pollMs: POLL_MS }, null, 2), {
    mode: 0o600,
  });
  const endpoint = superviseProcess({
    name: `endpoint ${environment}`,
    command: process.execPath,
    args: typescriptArguments(ENDPOINT_PROGRAM, config),
    cwd: ROOT,
    env: settings.env,
    log: join(home, 'logs', `endpoint-${environment}.log`),
    graceMs: GRACE_MS,
    report,
  });
  undo.push('endpoints', endpoint.stop);
  return { endpoint, url: `http://${HOST}:${port}/v2/health/live` };
}

async function waitUntilLive({ endpoint, url }: StartedEndpoint): Promise<void> {
  const deadline = Date.now() + LIVE_WITHIN_MS;
  for (;;) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (answer?.ok === true) return;
    if (endpoint.restarts() >= 3 || Date.now() > deadline) {
      throw messageForPerson(`the ${endpoint.name} does not answer at ${url}:\n  ${endpoint.lastLines().join('\n  ')}`);
    }
    await wait(100);
  }
}
