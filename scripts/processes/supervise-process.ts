import type { Report } from '../setup/report.ts';
import { type BackOff, nextBackOff } from './back-off.ts';
import { beginLife, type ProcessLife, type Program } from './process-life.ts';
import { openProcessLog } from './process-log.ts';

export interface SuperviseOptions extends Program {
  /** For messages, for example `worker prod data`. */
  readonly name: string;
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
  /**
   * Resolves when the present or the next life is ready. Rejects, with its last lines, when it died three times before
   * that, or was stopped.
   */
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

/**
 * Keeps a process running: starts it again with exponential back-off when it dies, and says so. It leads a process
 * group of its own, so a Ctrl-C at the terminal reaches only the supervisor, which ends things in order; its stdin is a
 * pipe that ends when the supervisor dies, even by kill -9, and it is expected to leave then.
 */
export function superviseProcess(options: SuperviseOptions): SupervisedProcess {
  const { name, report } = options;
  const log = openProcessLog(options.log);
  const lastLines: string[] = [];
  const readiness = createReadiness();
  let life: ProcessLife | undefined;
  let deathsBeforeReady = 0;
  let restarts = 0;
  let delayMs = 0;
  let restartTimer: NodeJS.Timeout | undefined;
  let stopped: Promise<void> | undefined;

  const note = (text: string): void => log.write(`--- ${new Date().toISOString()} ${name}: ${text}\n`);
  const failure = (reason: string): Error =>
    new Error(`${name} ${reason}; its log is ${options.log}. Its last lines:\n  ${lastLines.join('\n  ')}`);
  const onLine = (line: string): void => {
    log.write(`${line}\n`);
    lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    options.onLine?.(line);
    if (options.isReady?.(line) === true) readiness.reach();
  };

  const onDeath = (livedMs: number, how: string): void => {
    life = undefined;
    note(how);
    deathsBeforeReady = readiness.isReached() ? 0 : deathsBeforeReady + 1;
    readiness.lose();
    if (stopped !== undefined) return;
    if (deathsBeforeReady >= DEATHS_BEFORE_READY) {
      readiness.fail(failure(`died ${deathsBeforeReady} times before it was ready (${how})`));
    }
    delayMs = nextBackOff(options.backOff ?? DEFAULT_BACK_OFF, delayMs, livedMs);
    report(`${name} died (${how}); starting it again in ${(delayMs / 1000).toFixed(1)} s`);
    restartTimer = setTimeout(() => {
      restarts += 1;
      start();
    }, delayMs);
  };

  const start = (): void => {
    const started = Date.now();
    life = beginLife(options, onLine);
    note(`started, pid ${life.pid}`);
    void life.over.then((how) => onDeath(Date.now() - started, how));
    if (options.isReady === undefined && life.pid !== undefined) readiness.reach();
  };

  const stopNow = async (): Promise<void> => {
    clearTimeout(restartTimer);
    readiness.fail(failure('was stopped'));
    await life?.end(options.graceMs);
    await log.close();
  };

  start();
  return {
    name,
    pid: () => life?.pid,
    restarts: () => restarts,
    ready: () => (stopped === undefined ? readiness.reached() : Promise.reject(failure('was stopped'))),
    lastLines: () => [...lastLines],
    stop: () => (stopped ??= stopNow()),
  };
}

/** Something that is reached, lost and reached again, and those who wait for it. */
function createReadiness() {
  let isReached = false;
  const waiters: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  return {
    isReached: () => isReached,
    lose: () => {
      isReached = false;
    },
    reach: () => {
      isReached = true;
      for (const waiter of waiters.splice(0)) waiter.resolve();
    },
    fail: (error: Error) => {
      for (const waiter of waiters.splice(0)) waiter.reject(error);
    },
    reached: (): Promise<void> =>
      isReached ? Promise.resolve() : new Promise((resolve, reject) => waiters.push({ resolve, reject })),
  };
}
