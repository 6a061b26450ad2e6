import { createServer } from 'node:net';
import { ENVIRONMENTS, type Environment } from '../../contracts/environments.ts';
import { messageForPerson } from '../message-for-person.ts';
import type { DevConfig } from './read-dev-config.ts';

/** Everything listens on loopback only. */
export const HOST = '127.0.0.1';

/** A port per server that a stack runs. */
export interface Ports {
  readonly temporal: number;
  readonly ui: number;
  readonly metrics: number;
  readonly evidence: number;
  /** One server for the registries of all environments. */
  readonly registry: number;
  readonly endpoints: Readonly<Record<Environment, number>>;
}

const ENDPOINT_PORT = 8500;
const EVIDENCE_PORT = 8234;
/** Where MLflow's own server listens by default. */
const REGISTRY_PORT = 5000;

/** Which variable moves a port, for messages. */
const VARIABLES = {
  temporal: 'SUPERSTEP_PORT',
  ui: 'SUPERSTEP_UI_PORT',
  metrics: 'SUPERSTEP_METRICS_PORT',
  evidence: 'SUPERSTEP_EVIDENCE_PORT',
  registry: 'SUPERSTEP_REGISTRY_PORT',
  endpoints: 'SUPERSTEP_ENDPOINT_PORT',
} as const;

/**
 * The ports for this environment of variables. SUPERSTEP_PORT is Temporal's, and moves all others by the same distance
 * (0: all are free ones, for tests); a variable of its own moves a single one. The endpoints of staging and prod follow
 * dev's.
 */
export async function choosePorts(config: DevConfig, env: NodeJS.ProcessEnv): Promise<Ports> {
  const temporal = portVariable(env, VARIABLES.temporal) ?? config.port;
  if (temporal === 0) return freePorts();
  const offset = temporal - config.port;
  const endpoint = portVariable(env, VARIABLES.endpoints) ?? ENDPOINT_PORT + offset;
  return {
    temporal,
    ui: portVariable(env, VARIABLES.ui) ?? config.uiPort + offset,
    metrics: portVariable(env, VARIABLES.metrics) ?? config.metricsPort + offset,
    evidence: portVariable(env, VARIABLES.evidence) ?? EVIDENCE_PORT + offset,
    registry: portVariable(env, VARIABLES.registry) ?? REGISTRY_PORT + offset,
    endpoints: endpointPorts((index) => endpoint + index),
  };
}

function portVariable(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw messageForPerson(`${name} is "${text}"; expected a port from 0 to 65535`);
}

function endpointPorts(portOf: (index: number) => number): Record<Environment, number> {
  return Object.fromEntries(ENVIRONMENTS.map((name, index) => [name, portOf(index)])) as Record<Environment, number>;
}

/** Ports that were free a moment ago; all are held at once while they are collected, so they differ. */
export async function freePorts(): Promise<Ports> {
  const servers = await Promise.all(Array.from({ length: 5 + ENVIRONMENTS.length }, () => listen(0)));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const [temporal = 0, ui = 0, metrics = 0, evidence = 0, registry = 0, ...endpoints] = ports;
  return { temporal, ui, metrics, evidence, registry, endpoints: endpointPorts((index) => endpoints[index] ?? 0) };
}

/** Which servers are about to be started, for {@link checkPortsFree}. */
export interface PortsInUse {
  readonly server: boolean;
  readonly environments: readonly Environment[];
}

/** What a port is for, its number, and the variable that moves it. */
type NeededPort = readonly [what: string, port: number, variable: string];

export function webUiPort(port: number): NeededPort {
  return ['the Temporal Web UI', port, VARIABLES.ui];
}

/** @throws when a needed port is taken, naming every such port, what it is for and how to move it. */
export async function checkPortsFree(ports: Ports, use: PortsInUse): Promise<void> {
  const needed: NeededPort[] = [
    ...(use.server
      ? ([
          ['the Temporal server', ports.temporal, VARIABLES.temporal],
          webUiPort(ports.ui),
          ['the Temporal metrics', ports.metrics, VARIABLES.metrics],
        ] as NeededPort[])
      : []),
    ['the evidence pages', ports.evidence, VARIABLES.evidence],
    ['the registry', ports.registry, VARIABLES.registry],
    ...use.environments.map((name): NeededPort => [
      `the endpoint of ${name}`,
      ports.endpoints[name],
      VARIABLES.endpoints,
    ]),
  ];
  const taken: NeededPort[] = [];
  for (const one of needed) {
    if (!(await isFree(one[1]))) taken.push(one);
  }
  if (taken.length > 0) throw portsTaken(taken);
}

/** Says which ports something else listens on, and how to move them. */
export function portsTaken(taken: readonly NeededPort[]): Error {
  const lines = taken.map(
    ([what, port, variable]) => `port ${port}, for ${what}, is in use: free it, or set ${variable}`,
  );
  return messageForPerson(
    `Superstep cannot start:\n  ${lines.join('\n  ')}\nSUPERSTEP_PORT=7333 npm start moves all ports by 100 (with SUPERSTEP_HOME for a home of its own, two can run side by side).`,
  );
}

async function isFree(port: number): Promise<boolean> {
  try {
    const server = await listen(port);
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}

function listen(port: number): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: HOST }, () => resolve(server));
  });
}
