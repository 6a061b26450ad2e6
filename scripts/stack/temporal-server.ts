import { bringNamespacesUpToDate } from '../dev-server/bring-namespaces-up-to-date.ts';
import type { Ports } from '../dev-server/ports.ts';
import type { DevConfig } from '../dev-server/read-dev-config.ts';
import { connectToServer } from '../dev-server/connect-to-server.ts';
import { serverAddress } from '../dev-server/server-address.ts';
import { startDevServer } from '../dev-server/start-dev-server.ts';
import type { SupervisedProcess } from '../processes/supervise-process.ts';
import type { Report } from '../setup/report.ts';

export interface TemporalServerOptions {
  /** Null: TEMPORAL_ADDRESS names the server. */
  readonly cli: string | null;
  readonly home: string;
  readonly ports: Ports;
  readonly config: DevConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly report: Report;
}

/** The Temporal server that a stack works on. */
export interface TemporalServer {
  readonly address: string;
  /** Of the Web UI. */
  readonly uiUrl: string;
  /** Undefined for a server elsewhere. */
  readonly process?: SupervisedProcess;
  /** Stops the server that was started here; one elsewhere is left alone. */
  readonly stop: () => Promise<void>;
}

/** Starts the development server, or prepares the one that TEMPORAL_ADDRESS names. */
export async function openTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const { cli } = options;
  return cli === null ? useServerElsewhere(options) : startDevServer({ ...options, cli });
}

async function useServerElsewhere({ config, env }: TemporalServerOptions): Promise<TemporalServer> {
  const address = await serverAddress(env);
  const connection = await connectToServer(env);
  try {
    await bringNamespacesUpToDate(connection, config, { ownServer: false });
  } finally {
    await connection.close();
  }
  const uiUrl = env['SUPERSTEP_TEMPORAL_UI'] || `http://${address.split(':')[0]}:${config.uiPort}`;
  return { address, uiUrl, stop: () => Promise.resolve() };
}
