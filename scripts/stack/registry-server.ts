import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOST } from '../dev-server/ports.ts';
import { type SupervisedProcess, superviseProcess } from '../processes/supervise-process.ts';
import { typescriptArguments } from '../processes/typescript-process.ts';
import { withTicks } from '../setup/report.ts';
import type { ChildSettings } from './child-settings.ts';
import { ROOT } from './stack-home.ts';
import { unlessAborted } from './undo.ts';

export interface RegistryServerSettings extends ChildSettings {
  readonly port: number;
}

const REGISTRY_PROGRAM = fileURLToPath(new URL('../../workers/registry-server-process.ts', import.meta.url));
/** An upload under way gets this long to end. */
const GRACE_MS = 10_000;

/** Starts the registry's server, one process for all environments, and waits until it listens. */
export async function startRegistryServer(settings: RegistryServerSettings): Promise<SupervisedProcess> {
  const { addresses, env, environments, home, parts, port, report, signal, undo } = settings;
  const server = superviseProcess({
    name: 'registry',
    command: process.execPath,
    args: typescriptArguments(REGISTRY_PROGRAM),
    cwd: ROOT,
    env: {
      SUPERSTEP_POLICIES: join(ROOT, 'policies'),
      ...env,
      SUPERSTEP_HOME: home,
      SUPERSTEP_ENVIRONMENTS: environments.join(','),
      SUPERSTEP_REGISTRY_HOST: HOST,
      SUPERSTEP_REGISTRY_PORT: String(port),
      SUPERSTEP_TEMPORAL_UI: addresses.temporalUi,
      SUPERSTEP_EVIDENCE_URL: addresses.evidence,
      ...(parts.mlflowUi === null ? {} : { SUPERSTEP_MLFLOW_UI: parts.mlflowUi }),
      TEMPORAL_ADDRESS: addresses.temporal,
    },
    log: join(home, 'logs', 'registry.log'),
    graceMs: GRACE_MS,
    report,
    isReady: (line) => line.startsWith('ready'),
  });
  undo.push('registry', server.stop);
  await withTicks(report, 'waiting for the registry', 2_000, unlessAborted(signal, server.ready()));
  return server;
}
