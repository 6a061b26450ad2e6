import { SuperstepError, type FailureType } from './failure-types.ts';

/**
 * The two ends of a child process: `node <what>-process.ts <job.json>`. The child prints one {@link ChildMessage} a
 * line on stdout; its result is the last. It reads stdin only to notice the parent's death (the pipe ends even after
 * kill -9) and leaves then. For process entry points and those who start them, never for workflows.
 */
export type ChildMessage<Result> =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly note: string }
  | { readonly kind: 'result'; readonly result: Result }
  | {
      readonly kind: 'failure';
      readonly type: FailureType;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

/** Reports how far the work is; also lets stdin be looked at, so call it at least every few seconds. */
export type ReportProgress = (done: number, total: number, note: string) => Promise<void>;

export interface ChildPorts {
  readonly readJob: () => Promise<string>;
  readonly onParentGone: (leave: () => void) => void;
  readonly print: (line: string) => Promise<void>;
  readonly exit: (code: number) => void;
}

/**
 * Runs a child's work and prints its outcome. A {@link SuperstepError} keeps its type; anything else is a
 * `ChildProcessFailed`, which is retried.
 */
export async function runChildJob<Job, Result>(
  ports: ChildPorts,
  work: (job: Job, report: ReportProgress) => Promise<Result>,
): Promise<void> {
  ports.onParentGone(() => ports.exit(2));
  const send = (message: ChildMessage<Result>): Promise<void> => ports.print(`${JSON.stringify(message)}\n`);
  try {
    const job = JSON.parse(await ports.readJob()) as Job;
    const result = await work(job, (done, total, note) => send({ kind: 'progress', done, total, note }));
    await send({ kind: 'result', result });
    ports.exit(0);
  } catch (error) {
    const failure =
      error instanceof SuperstepError
        ? error
        : new SuperstepError(
            'ChildProcessFailed',
            error instanceof Error ? (error.stack ?? error.message) : String(error),
          );
    await send({ kind: 'failure', type: failure.type, message: failure.message, details: failure.details });
    ports.exit(1);
  }
}

/** The ports of a real process: argv[2] names the job file. */
export function nodeChildPorts(
  process: NodeJS.Process,
  readFile: (path: string, encoding: 'utf8') => Promise<string>,
): ChildPorts {
  return {
    readJob: () => {
      const path = process.argv[2];
      if (path === undefined)
        throw new SuperstepError('InvalidInput', 'no job file given; expected its path as the only argument');
      return readFile(path, 'utf8');
    },
    onParentGone: (leave) => {
      process.stdin.on('end', leave).on('error', leave).resume();
    },
    // Waiting for the callback gives the event loop a turn, in which the end of stdin is seen.
    print: (line) =>
      new Promise((resolve, reject) => process.stdout.write(line, (error) => (error ? reject(error) : resolve()))),
    exit: (code) => process.exit(code),
  };
}
