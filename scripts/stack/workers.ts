import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../contracts/environments.ts';
import { WORKER_ROLES, type WorkerRole } from '../../workers/configuration.ts';
import { NOTICE_PREFIX } from '../../workers/notice-prefix.ts';
import { type SupervisedProcess, superviseProcess } from '../processes/supervise-process.ts';
import { typescriptArguments } from '../processes/typescript-process.ts';
import { withTicks } from '../setup/report.ts';
import type { ChildSettings } from './child-settings.ts';
import { ROOT } from './stack-home.ts';
import { unlessAborted } from './undo.ts';

export interface WorkerSettings extends ChildSettings {
  readonly workflowBundle: string;
}

const WORKER_PROGRAM = fileURLToPath(new URL('../../workers/worker-process.ts', import.meta.url));
/** A worker lets running activities finish for a while; what is still running then is tried again elsewhere. */
const GRACE_MS = 20_000;

/** Starts the workers of the environments, a process per role, and waits until all of them poll. */
export async function startWorkers(settings: WorkerSettings): Promise<SupervisedProcess[]> {
  const { report, undo } = settings;
  const workers = settings.environments.flatMap((environment) =>
    WORKER_ROLES.map((role) => {
      const worker = superviseProcess({
        name: `worker ${environment} ${role}`,
        command: process.execPath,
        args: typescriptArguments(WORKER_PROGRAM),
        cwd: ROOT,
        env: workerVariables(settings, environment, role),
        log: join(settings.home, 'logs', `worker-${environment}-${role}.log`),
        graceMs: GRACE_MS,
        report,
        isReady: (line) => line.trim() === 'ready',
        onLine: (line) => {
          if (line.startsWith(NOTICE_PREFIX)) report(line.slice(NOTICE_PREFIX.length));
        },
      });
      undo.push('workers', worker.stop);
      return worker;
    }),
  );
  const ready = Promise.all(workers.map((worker) => worker.ready()));
  await withTicks(report, `waiting for ${workers.length} workers`, 2_000, unlessAborted(settings.signal, ready));
  return workers;
}

/** The variables that workers/configuration.ts reads, on top of the given ones. */
export function workerVariables(
  settings: Omit<WorkerSettings, 'report' | 'undo' | 'signal' | 'environments'>,
  environment: Environment,
  role: WorkerRole,
): NodeJS.ProcessEnv {
  const { addresses, env, parts } = settings;
  return {
    UV_THREADPOOL_SIZE: '16',
    SUPERSTEP_PROJECTS: join(ROOT, 'examples'),
    SUPERSTEP_POLICIES: join(ROOT, 'policies'),
    ...env,
    SUPERSTEP_ENVIRONMENT: environment,
    SUPERSTEP_ROLE: role,
    SUPERSTEP_HOME: settings.home,
    SUPERSTEP_DUCKDB_EXTENSIONS: parts.duckdbExtensions,
    LIGHTGBM_LIB: parts.lightgbmLib,
    SUPERSTEP_WORKFLOW_BUNDLE: settings.workflowBundle,
    SUPERSTEP_ENDPOINT_URL: addresses.endpoints[environment] ?? '',
    SUPERSTEP_EVIDENCE_URL: addresses.evidence,
    SUPERSTEP_TEMPORAL_UI: addresses.temporalUi,
    TEMPORAL_ADDRESS: addresses.temporal,
    TEMPORAL_NAMESPACE: environment,
  };
}
