import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENVIRONMENTS, type Environment } from '../../contracts/environments.ts';
import { adminTokenFile } from '../../registry/identity/admin-token.ts';
import { checkPortsFree, choosePorts, HOST, type Ports } from '../dev-server/ports.ts';
import { readDevConfig } from '../dev-server/read-dev-config.ts';
import type { SupervisedProcess } from '../processes/supervise-process.ts';
import { ensureNativeParts, type NativeParts } from '../setup/native-parts.ts';
import { type Report, reportToStderr } from '../setup/report.ts';
import { ensureWorkflowBundle } from '../workflow-bundle.ts';
import { startEndpoints } from './endpoints.ts';
import { startEvidencePages } from './evidence-pages.ts';
import type { StackAddresses } from './stack-addresses.ts';
import { defaultHome, lockHome } from './stack-home.ts';
import { openTemporalServer, type TemporalServer } from './temporal-server.ts';
import { createUndo, type Undo, unlessAborted } from './undo.ts';
import { startRegistryServer } from './registry-server.ts';
import { startWorkers } from './workers.ts';

export interface StackOptions {
  /** Folder of all state; default SUPERSTEP_HOME or `.superstep`. */
  readonly home?: string;
  /** Default: from the SUPERSTEP_*PORT variables. */
  readonly ports?: Ports;
  /** Whose workers and endpoint run; default all. The namespaces of all are always there. */
  readonly environments?: readonly Environment[];
  /** No progress; what dies is not told either. */
  readonly quiet?: boolean;
  /** Where progress goes; default stderr. */
  readonly report?: Report;
  /** Variables for workers and endpoints on top of this process's own, for example SUPERSTEP_PROJECTS. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** Aborting while it starts stops what has been started, and `startStack` rejects with the reason. */
  readonly signal?: AbortSignal;
  /** Default: those of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A running Superstep. */
export interface Stack {
  readonly addresses: StackAddresses;
  readonly home: string;
  /** Absolute path of the CLI; null when the server is elsewhere. */
  readonly temporalCli: string | null;
  readonly nativeParts: NativeParts;
  readonly workflowBundle: string;
  /** All child processes, by name: `Temporal server`, `worker <environment> <role>`, `registry`, `endpoint <environment>`. */
  readonly processes: readonly SupervisedProcess[];
  /** Workers first, with their grace time, then endpoints and pages, the server last. May be called again. */
  readonly stop: () => Promise<void>;
}

/**
 * Sets up what is missing and starts everything: Temporal (unless TEMPORAL_ADDRESS names a server), two workers and an
 * endpoint per environment, the registry, the evidence pages. Resolves when all of it answers. When a part cannot start, the others
 * are stopped again and the error says which and why.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const undo = createUndo();
  let stopped: Promise<void> | undefined;
  try {
    const stack = await start(options, undo);
    return { ...stack, stop: () => (stopped ??= undo.run()) };
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function start(options: StackOptions, undo: Undo): Promise<Omit<Stack, 'stop'>> {
  const { signal } = options;
  const env = options.env ?? process.env;
  const report: Report = options.quiet === true ? () => undefined : (options.report ?? reportToStderr);
  const environments = options.environments ?? ENVIRONMENTS;
  const home = options.home ?? defaultHome(env);

  undo.push('home', await lockHome(home));
  const hadAdmin = existsSync(adminTokenFile(join(home, 'prod')));
  const config = await readDevConfig();
  const ports = options.ports ?? (await choosePorts(config, env));
  await checkPortsFree(ports, { server: !env['TEMPORAL_ADDRESS'], environments });
  const parts = await unlessAborted(signal, ensureNativeParts(report, env));
  const server = await openTemporalServer({ cli: parts.temporalCli, home, ports, config, env, report });
  undo.push('server', server.stop);
  const workflowBundle = await unlessAborted(signal, ensureWorkflowBundle({ report }));
  const evidence = await startEvidencePages({
    home,
    port: ports.evidence,
    environments,
    links: [{ title: 'Temporal Web UI', href: server.uiUrl }],
  });
  undo.push('pages', evidence.stop);

  const addresses = addressesOf(server, evidence.url, ports, environments);
  const childEnv = { ...env, ...options.workerEnv };
  const settings = { home, addresses, parts, environments, env: childEnv, report, undo, signal };
  const workers = await startWorkers({ ...settings, workflowBundle });
  // The benches run the server alone.
  const registry = environments.length === 0 ? [] : [await startRegistryServer({ ...settings, port: ports.registry })];
  if (!hadAdmin && environments.includes('prod')) await tellAdminToken(home, report);
  const endpoints = await startEndpoints({ ...settings, ports });
  const processes = [...(server.process === undefined ? [] : [server.process]), ...workers, ...registry, ...endpoints];
  return { addresses, home, temporalCli: parts.temporalCli, nativeParts: parts, workflowBundle, processes };
}

/** Once, at the first start: prod lets nobody in without a token, so somebody must hold one. */
async function tellAdminToken(home: string, report: Report): Promise<void> {
  const file = adminTokenFile(join(home, 'prod'));
  const token = (await readFile(file, 'utf8')).trim();
  report(`prod's registry asks for a token. The admin's, shown this once and kept in ${file}:\n  ${token}`);
}

function addressesOf(
  server: TemporalServer,
  evidence: string,
  ports: Ports,
  environments: readonly Environment[],
): StackAddresses {
  const endpoints = environments.map((name) => [name, `http://${HOST}:${ports.endpoints[name]}`]);
  return {
    temporal: server.address,
    temporalUi: server.uiUrl,
    evidence,
    registry: `http://${HOST}:${ports.registry}`,
    endpoints: Object.fromEntries(endpoints) as StackAddresses['endpoints'],
  };
}
