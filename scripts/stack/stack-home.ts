import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageForPerson } from '../message-for-person.ts';
import { type Release, tryLock } from '../setup/lock.ts';

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** SUPERSTEP_HOME, or `.superstep` in the repository; always absolute. */
export function defaultHome(env: NodeJS.ProcessEnv): string {
  return resolve(env['SUPERSTEP_HOME'] || join(ROOT, '.superstep'));
}

/**
 * Takes a home folder for this process: two servers on one database file would destroy it.
 *
 * @throws when a living process has it, naming that process.
 */
export async function lockHome(home: string): Promise<Release> {
  const lock = await tryLock(join(home, 'superstep.lock'));
  if (typeof lock === 'function') return lock;
  throw messageForPerson(
    `Superstep already runs on ${home} (process ${lock.heldBy}). Stop it, or set SUPERSTEP_HOME and SUPERSTEP_PORT to run a second one beside it.`,
  );
}
