import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { firstLine } from '../message-for-person.ts';
import type { Report } from '../setup/report.ts';
import { nextBackOff, type BackOff } from './back-off.ts';
import { killGroup, killGroupAtExit } from './process-groups.ts';
import { openProcessLog } from './process-log.ts';

export interface SuperviseOptions {
  /** For messages, for example `worker prod data`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** File that stdout and stderr are appended to. */
  readonly log: string;
  /** How long the process may take to leave after SIGTERM before it is killed. */
  readonly graceMs: number;
  readonly report: Report;
  readonly backOff?: BackOff;
  /** Sees every line of stdout and stderr. */
  readonly onLine?: (line: string) => void;
  /** The line that says that the process does its work now; without it, a started process is ready. */
  readonly isReady?: (line: string) => boolean;
}

export interface SupervisedProcess {
  readonly name: string;
  /** Of the process that runs now; undefined between two lives. */
  readonly pid: () => number | undefined;
  /** How often it was started again after it died. */
  readonly restarts: () => number;
  /** Resolves when the present or the next life is ready. Rejects, with its last lines, when it died three times before that, or was stopped. */
  readonly ready: () => Promise<void>;
  /** What it printed last, for messages. */
  readonly lastLines: () => readonly string[];
  /** SIGTERM, then SIGKILL after the grace time; the whole process group is gone when it resolves. */
  readonly stop: () => Promise<void>;
}

/** Doubling from half a second to half a minute; forgotten after half a minute of health. */
const DEFAULT_BACK_OFF: BackOff = { firstMs: 500, lastMs: 30_000, healthyMs: 30_000 };
const DEATHS_BEFORE_READY = 3;
const LAST_LINES = 12;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Keeps a process running: starts it again with exponential back-off when it dies, and says so. It leads a process
 * group of its own, so a Ctrl-C at the terminal reaches only the supervisor, which ends things in order; its stdin is a
 * pipe that ends when the supervisor dies, even by kill -9, and it is expected to leave then.
 */
export function superviseProcess(options: SuperviseOptions): SupervisedProcess {
  const { name, report } = options;
  const backOff = options.backOff ?? DEFAULT_BACK_OFF;
  const log = openProcessLog(options.log);
  const lastLines: string[] = [];
  const waiters: Waiter[] = [];
  let child: ChildProcess | undefined;
  let isReady = false;
  let deathsBeforeReady = 0;
  let restarts = 0;
  let delayMs = 0;
  let restartTimer: NodeJS.Timeout | undefined;
  let stopped: Promise<void> | undefined;

  const becomeReady = (): void => {
    isReady = true;
    deathsBeforeReady = 0;
    for (const waiter of waiters.splice(0)) waiter.resolve();
  };
  const giveUp = (reason: string): void => {
    const error = new Error(
      `${name} ${reason}; its log is ${options.log}. Its last lines:\n  ${lastLines.join('\n  ')}`,
    );
    for (const waiter of waiters.splice(0)) waiter.reject(error);
  };
  const onLine = (line: string): void => {
    log.write(`${line}\n`);
    lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    options.onLine?.(line);
    if (!isReady && options.isReady?.(line) === true) becomeReady();
  };

  const onDeath = (dead: ChildProcess, livedMs: number, how: string): void => {
    killGroup(dead.pid); // What it may have left of its group.
    child = undefined;
    if (!isReady) deathsBeforeReady += 1;
    isReady = false;
    if (stopped !== undefined) return;
    if (deathsBeforeReady >= DEATHS_BEFORE_READY)
      giveUp(`died ${deathsBeforeReady} times before it was ready (${how})`);
    delayMs = nextBackOff(backOff, delayMs, livedMs);
    report(`${name} died (${how}); starting it again in ${(delayMs / 1000).toFixed(1)} s`);
    restartTimer = setTimeout(() => {
      restarts += 1;
      start();
    }, delayMs);
  };

  const start = (): void => {
    const started = Date.now();
    const process_ = spawnLeader(options);
    child = process_;
    const forget = killGroupAtExit(process_.pid);
    let over = false;
    const end = (how: string): void => {
      if (over) return;
      over = true;
      forget();
      log.write(`--- ${new Date().toISOString()} ${name}: ${how}\n`);
      onDeath(process_, Date.now() - started, how);
    };
    log.write(`--- ${new Date().toISOString()} ${name}: started, pid ${process_.pid}\n`);
    for (const stream of [process_.stdout, process_.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', onLine);
    }
    process_.stdin?.on('error', () => undefined); // It may die before its stdin is opened.
    process_.once('error', (error) => end(firstLine(error)));
    process_.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    if (options.isReady === undefined && process_.pid !== undefined) becomeReady();
  };

  const stopNow = async (): Promise<void> => {
    clearTimeout(restartTimer);
    giveUp('was stopped');
    if (child !== undefined) await endProcess(child, options.graceMs);
    await log.close();
  };

  start();
  return {
    name,
    pid: () => child?.pid,
    restarts: () => restarts,
    lastLines: () => [...lastLines],
    ready: () =>
      isReady
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            waiters.push({ resolve, reject });
            if (stopped !== undefined) giveUp('was stopped');
          }),
    stop: () => (stopped ??= stopNow()),
  };
}

function spawnLeader(options: SuperviseOptions): ChildProcess {
  return spawn(options.command, options.args, {
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

async function endProcess(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => killGroup(child.pid), graceMs);
  await gone;
  clearTimeout(timer);
}
