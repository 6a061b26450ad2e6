import { messageForPerson } from '../message-for-person.ts';
import { reportToStderr } from '../setup/report.ts';
import type { Stack } from './start-stack.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** One Ctrl-C can arrive twice, from the terminal and through npm. */
const SAME_STROKE_MS = 1_000;

/**
 * Starts a stack and keeps it until Ctrl-C, SIGTERM or SIGHUP, also while it is still starting; then it is stopped in
 * order. A second Ctrl-C ends without waiting; child processes are killed then. Returns the exit code.
 *
 * @param play what to do once it is up; it says whether the stack stays up afterwards or ends.
 */
export async function runUntilStopped(
  startUp: (signal: AbortSignal) => Promise<Stack>,
  play: (stack: Stack, signal: AbortSignal) => Promise<'stay' | 'end'> = () => Promise.resolve('stay'),
): Promise<number> {
  const abort = new AbortController();
  const asked = new Promise<void>((resolve) => {
    let first: number | undefined;
    for (const name of SIGNALS) {
      process.on(name, () => {
        if (first === undefined) {
          first = Date.now();
          reportToStderr('stopping: workers first, the server last (once more to end at once)');
          abort.abort(messageForPerson('stopped while it was starting'));
          resolve();
        } else if (Date.now() - first > SAME_STROKE_MS) process.exit(130);
      });
    }
  });
  const stack = await startUp(abort.signal).catch((error: unknown) => {
    // Work that cannot be interrupted, such as a build, ends with the process.
    if (abort.signal.aborted) process.exit(0);
    throw error;
  });
  try {
    const next = await Promise.race([play(stack, abort.signal), asked]);
    if (next === 'stay') await asked;
  } finally {
    await stack.stop();
    if (abort.signal.aborted) reportToStderr('stopped');
  }
  return 0;
}
