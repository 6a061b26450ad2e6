import { Connection } from '@temporalio/client';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { firstLine, messageForPerson } from '../message-for-person.ts';
import { type SupervisedProcess, superviseProcess } from '../processes/supervise-process.ts';
import { type Report, withTicks } from '../setup/report.ts';
import { bringNamespacesUpToDate } from './bring-namespaces-up-to-date.ts';
import { type HiddenAddress, hiddenAddress } from './hidden-address.ts';
import { HOST, type Ports } from './ports.ts';
import type { DevConfig } from './read-dev-config.ts';
import { startWebUiProxy } from './web-ui-proxy.ts';

export interface DevServerOptions {
  /** Absolute path of the Temporal CLI. */
  readonly cli: string;
  /** Folder for the database file and the log. */
  readonly home: string;
  readonly ports: Pick<Ports, 'temporal' | 'ui' | 'metrics'>;
  readonly config: DevConfig;
  readonly report: Report;
}

export interface DevServer {
  readonly address: string;
  readonly uiUrl: string;
  readonly process: SupervisedProcess;
  readonly stop: () => Promise<void>;
}

const GUARD_PROCESS = fileURLToPath(new URL('../processes/guard-process.mjs', import.meta.url));
const GRACE_MS = 10_000;
const HEALTHY_WITHIN_MS = 60_000;

/**
 * Starts the Temporal development server on its file in the home folder, waits until it answers and brings namespaces,
 * search attributes and retention up to date. It is restarted when it dies, and stopped when this process dies. Its Web
 * UI listens where no web page finds it, the same place after each restart; people open it through a proxy at ports.ui.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  await mkdir(options.home, { recursive: true });
  const webUi = await hiddenAddress();
  const proxy = await startWebUiProxy({ port: options.ports.ui, upstream: `http://${webUi.host}:${webUi.port}` });
  try {
    const server = await startServer(options, webUi);
    const stop = async (): Promise<void> => {
      await Promise.all([proxy.stop(), server.stop()]);
    };
    return { address: addressOf(options), uiUrl: proxy.url, process: server, stop };
  } catch (error) {
    await proxy.stop();
    throw error;
  }
}

function addressOf({ ports }: DevServerOptions): string {
  return `${HOST}:${ports.temporal}`;
}

async function startServer(options: DevServerOptions, webUi: HiddenAddress): Promise<SupervisedProcess> {
  const { home, config, report } = options;
  const address = addressOf(options);
  const server = superviseProcess({
    name: 'Temporal server',
    command: process.execPath,
    args: [GUARD_PROCESS, String(GRACE_MS), options.cli, ...devServerArguments(options, webUi)],
    // The CLI would take flags from TEMPORAL_* variables and from the user's own configuration files.
    env: withoutTemporalVariables(process.env),
    log: join(home, 'temporal.log'),
    graceMs: GRACE_MS + 2_000,
    report,
  });
  try {
    const connection = await withTicks(report, 'waiting for the Temporal server', 2_000, connect(address, server));
    try {
      await bringNamespacesUpToDate(connection, config, { ownServer: true });
    } finally {
      await connection.close();
    }
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** The flags of `temporal server start-dev` for these options, with its Web UI at an address of its own. */
export function devServerArguments(
  { home, ports, config }: Pick<DevServerOptions, 'home' | 'ports' | 'config'>,
  webUi: HiddenAddress,
): string[] {
  const flags: [string, string | number][] = [
    ['ip', HOST],
    ['port', ports.temporal],
    // It answers any name, and its CSRF cookie can be read by the page it is meant to stop: see web-ui-proxy.ts.
    ['ui-ip', webUi.host],
    ['ui-port', webUi.port],
    ['metrics-port', ports.metrics],
    ['db-filename', join(home, basename(config.dbFilename))],
    ['sqlite-pragma', 'journal_mode=WAL'],
    ['sqlite-pragma', 'synchronous=NORMAL'],
    // The server's HTTP port asks neither for a host nor for an origin: any web page could start and signal workflows.
    ['dynamic-config-value', 'frontend.httpAllowedHosts=[]'],
    ...Object.keys(config.namespaces).map((name): [string, string] => ['namespace', name]),
    ...Object.entries(config.dynamicConfig).map(([key, value]): [string, string] => [
      'dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
  ];
  return ['server', 'start-dev', ...flags.flatMap(([name, value]) => [`--${name}`, String(value)])];
}

function withoutTemporalVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return Object.fromEntries(kept);
}

async function connect(address: string, server: SupervisedProcess): Promise<Connection> {
  const deadline = Date.now() + HEALTHY_WITHIN_MS;
  for (;;) {
    try {
      return await Connection.connect({ address, connectTimeout: 2_000 });
    } catch (error) {
      if (server.restarts() >= 2 || Date.now() > deadline) {
        const why = server.lastLines().join('\n  ') || firstLine(error);
        throw messageForPerson(`the Temporal server does not answer on ${address}; it said:\n  ${why}`);
      }
      await wait(100);
    }
  }
}
