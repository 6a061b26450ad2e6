import { SuperstepError } from '../contracts/failure-types.ts';

const MARK = Symbol('message-for-person');

/** An error whose message says everything a person needs: what was looked for, what was found, what to do. No stack is shown. */
export function messageForPerson(message: string): Error {
  return Object.assign(new Error(message), { name: 'Superstep', [MARK]: true });
}

/** What to print for an error at the top of a script: the bare message when it was written for people, else the stack. */
export function printableError(error: unknown): string {
  if (error instanceof SuperstepError) return `${error.type}: ${error.message}`;
  if (error instanceof Error) return MARK in error ? error.message : (error.stack ?? error.message);
  return String(error);
}

/** The first line of an error's message, for a report of one line. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').find((line) => line.trim() !== '') ?? text;
}

/**
 * Runs a script's main function: its number is the exit code, an error is printed.
 *
 * @param onError the exit code then: another one than 1 where that says that something was found
 */
export async function runMain(main: () => Promise<number>, onError = 1): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${printableError(error)}\n`);
    process.exitCode = onError;
  }
}
