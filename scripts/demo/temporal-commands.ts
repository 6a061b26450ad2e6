import { spawn } from 'node:child_process';
import type { Client } from '@temporalio/client';
import { SUPERSTEP_QUEUE } from '../../contracts/task-queues.ts';
import type { WorkflowType } from '../../contracts/workflow-ids.ts';
import { messageForPerson } from '../message-for-person.ts';
import { ROOT } from '../stack/stack-home.ts';

/** A workflow to start, as a person would. */
export interface WorkflowToStart {
  readonly type: WorkflowType;
  readonly workflowId: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly summary: string;
}

/** Runs Temporal CLI commands, each printed before it runs, and waits for what they started. */
export interface TemporalCommands {
  /** Starts a workflow by the CLI; resolves once the server has it. */
  readonly start: (workflow: WorkflowToStart) => Promise<void>;
  /** Starts a workflow by the CLI and waits for its result. */
  readonly execute: <Result>(workflow: WorkflowToStart) => Promise<Result>;
  /** Runs a command exactly as it is printed, in a shell. */
  readonly run: (command: string) => Promise<void>;
}

export interface TemporalCommandsSetting {
  readonly cli: string;
  readonly address: string;
  readonly namespace: string;
  readonly client: Client;
  readonly print: (line: string) => void;
}

export function createTemporalCommands({
  cli,
  address,
  namespace,
  client,
  print,
}: TemporalCommandsSetting): TemporalCommands {
  const env = { ...process.env, TEMPORAL_ADDRESS: address };
  const start = async ({ type, workflowId, input, summary }: WorkflowToStart): Promise<void> => {
    const args = [
      'workflow',
      'start',
      '-n',
      namespace,
      '--type',
      type,
      '--task-queue',
      SUPERSTEP_QUEUE,
      '--workflow-id',
      workflowId,
    ];
    args.push('--fail-existing', '--static-summary', summary, '--input', JSON.stringify(input));
    print(`$ npm run temporal -- ${args.map(quoted).join(' ')}`);
    await succeed(cli, args, { env });
  };
  return {
    start,
    execute: async <Result>(workflow: WorkflowToStart): Promise<Result> => {
      await start(workflow);
      return (await client.workflow.getHandle(workflow.workflowId).result()) as Result;
    },
    run: async (command) => {
      print(`$ ${command}`);
      await succeed(command.replace(/^npm run temporal --/, 'npm run --silent temporal --'), [], {
        env,
        cwd: ROOT,
        shell: true,
      });
    },
  };
}

/** A shell word: quoted where it must be. */
function quoted(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

interface RunSetting {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly shell?: boolean;
}

/** Runs a program to its end; what it said is part of the error when it fails. */
async function succeed(command: string, args: readonly string[], setting: RunSetting): Promise<void> {
  const child = spawn(command, args, { ...setting, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
  }
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  if (code !== 0)
    throw messageForPerson(`this command failed (exit code ${code}): ${command} ${args.join(' ')}\n${said}`);
}
