/** Takes one line of progress for a person. */
export type Report = (line: string) => void;

/** Prints to stderr, so that a script's stdout stays its own. */
export const reportToStderr: Report = (line) => {
  process.stderr.write(`${line}\n`);
};

/**
 * Awaits `work` and says every `everyMs` how long it has been going on, the first time after that much waiting.
 * Short work is silent.
 */
export async function withTicks<T>(report: Report, what: string, everyMs: number, work: Promise<T>): Promise<T> {
  const started = Date.now();
  const timer = setInterval(() => report(`${what}: ${elapsed(Date.now() - started)} so far`), everyMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** `12 s` or `3 min 05 s`. */
export function elapsed(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}
