import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WORKER_ROLES, type WorkerRole } from '../../workers/configuration.ts';
import { freePorts } from '../../scripts/dev-server/ports.ts';
import { type SupervisedProcess, superviseProcess } from '../../scripts/processes/supervise-process.ts';
import { typescriptArguments } from '../../scripts/processes/typescript-process.ts';
import { startEndpoints } from '../../scripts/stack/endpoints.ts';
import { ROOT } from '../../scripts/stack/stack-home.ts';
import { createUndo } from '../../scripts/stack/undo.ts';
import { workerVariables } from '../../scripts/stack/workers.ts';
import { type FaultPlan, FAULTS_VARIABLE } from './faults.ts';
import type { TestStack } from './test-stack.ts';

export interface OwnWorkersOptions {
  /** Folder of state: the environment `prod` lies below. */
  readonly home: string;
  /** Temporal namespace, so that several homes can share a server. */
  readonly namespace: string;
  readonly workflowBundle: string;
}

/** Workers and an endpoint of `prod` that the test starts, harms and ends one by one. */
export interface OwnWorkers {
  /** Starts a worker of a role; resolves when it polls. It is started again, at once, when it dies. */
  worker(role: WorkerRole, faults?: FaultPlan): Promise<SupervisedProcess>;
  /** Both roles and the endpoint. With faults, two workers a role: while one is started again the other goes on. */
  all(faults?: FaultPlan): Promise<void>;
  endpointUrl: string;
  stop(): Promise<void>;
}

const WORKER = fileURLToPath(new URL('../../workers/worker-process.ts', import.meta.url));
const FAULTY_WORKER = fileURLToPath(new URL('./faulty-worker-process.ts', import.meta.url));
const AT_ONCE = { firstMs: 50, lastMs: 50, healthyMs: 0 };

/** For a stack that runs the server only. */
export async function ownWorkers({ stack, project }: TestStack, options: OwnWorkersOptions): Promise<OwnWorkers> {
  const ports = await freePorts();
  const undo = createUndo();
  const endpointUrl = `http://127.0.0.1:${ports.endpoints.prod}`;
  const settings = {
    home: options.home,
    addresses: { ...stack.addresses, endpoints: { prod: endpointUrl } },
    parts: stack.nativeParts,
    environments: ['prod'] as const,
    env: { ...process.env, SUPERSTEP_PROJECTS: project.root },
    report: () => undefined,
    undo,
    signal: undefined,
    workflowBundle: options.workflowBundle,
  };
  let started = 0;
  const worker = async (role: WorkerRole, faults?: FaultPlan): Promise<SupervisedProcess> => {
    started += 1;
    const name = `${faults === undefined ? 'worker' : 'faulty worker'} ${role} ${started}`;
    const supervised = superviseProcess({
      name,
      command: process.execPath,
      args: typescriptArguments(faults === undefined ? WORKER : FAULTY_WORKER),
      cwd: ROOT,
      env: {
        ...workerVariables(settings, 'prod', role),
        TEMPORAL_NAMESPACE: options.namespace,
        [FAULTS_VARIABLE]: JSON.stringify(faults ?? {}),
      },
      log: join(options.home, 'logs', `${name.replaceAll(' ', '-')}.log`),
      graceMs: 5_000,
      report: () => undefined,
      backOff: AT_ONCE,
      isReady: (line) => line === 'ready',
    });
    undo.push('workers', supervised.stop);
    await supervised.ready();
    return supervised;
  };
  return {
    worker,
    endpointUrl,
    all: async (faults) => {
      const roles = faults === undefined ? WORKER_ROLES : [...WORKER_ROLES, ...WORKER_ROLES];
      await Promise.all([startEndpoints({ ...settings, ports }), ...roles.map((role) => worker(role, faults))]);
    },
    stop: undo.run,
  };
}
