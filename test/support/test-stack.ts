import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { vi } from 'vitest';
import type { Environment } from '../../contracts/environments.ts';
import type { WorkflowStatus } from '../../contracts/messages.ts';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import type { WorkflowType } from '../../contracts/workflow-ids.ts';
import { freePorts } from '../../scripts/dev-server/ports.ts';
import { ROOT } from '../../scripts/stack/stack-home.ts';
import { type Stack, startStack } from '../../scripts/stack/start-stack.ts';
import { type EnvironmentRecords, openRecords } from './environment-records.ts';
import { type SmallFlights, smallFlights } from './small-flights.ts';

export interface TestStackOptions {
  /** Whose workers and endpoint run; none of them still gives the server with all namespaces. */
  readonly environments?: readonly Environment[];
  /** Changes prod's policy; the others are as shipped. */
  readonly policy?: (yaml: string) => string;
  /** Further variables of workers and servers. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Superstep on the small slice of flights, in a folder of its own, on free ports. */
export interface TestStack {
  readonly stack: Stack;
  readonly folder: string;
  readonly home: string;
  /** Folder with this stack's own copies of the policies. */
  readonly policies: string;
  readonly project: SmallFlights;
  /** In the namespace `prod`. */
  readonly client: Client;
  /** The stock Temporal CLI, pointed at this server; its JSON output, parsed. */
  cli(...args: string[]): Promise<unknown>;
  records(environment?: Environment): Promise<EnvironmentRecords>;
  stop(): Promise<void>;
}

/** Starts it; when that fails, all that was started is stopped. */
export async function startTestStack({
  environments = ['prod'],
  policy = (yaml) => yaml,
  variables = {},
}: TestStackOptions = {}): Promise<TestStack> {
  const folder = await mkdtemp(join(tmpdir(), 'superstep-e2e-'));
  const cleanUp: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  const stop = async (): Promise<void> => {
    for (const step of cleanUp.splice(0).reverse()) await step();
  };
  try {
    const project = await smallFlights(folder);
    const home = join(folder, 'home');
    const policies = join(folder, 'policies');
    await cp(join(ROOT, 'policies'), policies, { recursive: true });
    const prod = join(policies, 'prod.yaml');
    await writeFile(prod, policy(await readFile(prod, 'utf8')));
    const env = { ...process.env };
    delete env['TEMPORAL_ADDRESS'];
    const stack = await startStack({
      home,
      ports: await freePorts(),
      environments,
      quiet: true,
      env,
      workerEnv: { ...variables, SUPERSTEP_PROJECTS: project.root, SUPERSTEP_POLICIES: policies },
    });
    cleanUp.push(() => stack.stop());
    const connection = await Connection.connect({ address: stack.addresses.temporal });
    cleanUp.push(() => connection.close());
    return {
      stack,
      folder,
      home,
      policies,
      project,
      client: new Client({ connection, namespace: 'prod' }),
      cli: (...args) => runCli(stack, args),
      records: async (environment = 'prod') => {
        const records = await openRecords(join(home, environment));
        cleanUp.push(() => records.close());
        return records;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function runCli({ temporalCli, addresses }: Stack, args: readonly string[]): Promise<unknown> {
  if (temporalCli === null) throw new Error('the stack has no Temporal CLI');
  const { stdout } = await promisify(execFile)(temporalCli, [
    ...args,
    '--address',
    addresses.temporal,
    '--namespace',
    'prod',
    '--output',
    'json',
  ]);
  return stdout.trim() === '' ? undefined : (JSON.parse(stdout) as unknown);
}

/** Runs a workflow to its result. */
export async function runWorkflow<Result>(
  client: Client,
  type: WorkflowType,
  workflowId: string,
  input: unknown,
): Promise<Result> {
  const handle = await client.workflow.start(type, { taskQueue: SUPERSTEP_QUEUE, workflowId, args: [input] });
  return (await handle.result()) as Result;
}

/** Waits until a workflow's status says so, and gives that status. A workflow that is not there yet has none. */
export async function waitForStatus(
  client: Client,
  workflowId: string,
  isSo: (status: WorkflowStatus) => boolean,
  timeout = 90_000,
): Promise<WorkflowStatus> {
  return vi.waitFor(
    async () => {
      // A worker that is killed while it answers never does.
      const asked = client.workflow.getHandle(workflowId);
      const status = await client.withDeadline(Date.now() + 2_000, () => asked.query<WorkflowStatus>('status'));
      if (!isSo(status)) throw new Error(`${workflowId} is in phase ${status.phase}: ${status.details}`);
      return status;
    },
    { timeout, interval: 200 },
  );
}

/** What a person finds where the gate waits. */
export interface WaitingGate {
  readonly details: string;
  readonly evidenceUrl: string;
  /** The first 12 hex digits. */
  readonly digest: string;
}

/** Waits until a promotion waits for a decision. */
export async function waitAtGate(client: Client, workflowId: string, timeout?: number): Promise<WaitingGate> {
  const { details } = await waitForStatus(
    client,
    workflowId,
    (status) => status.details.startsWith('**Waiting for a decision**'),
    timeout,
  );
  return {
    details,
    evidenceUrl: /\[Evidence page\]\((\S+)\)/.exec(details)?.[1] ?? '',
    digest: /digest `([0-9a-f]{12})`/.exec(details)?.[1] ?? '',
  };
}
