import { SuperstepError } from '../contracts/failure-types.ts';

/** DuckLake's and SQLite's texts for a transaction that lost a race: the whole of it may be tried again. */
const LOST_RACE = /database is locked|Transaction conflict|maximum retry|another transaction|SQLITE_BUSY/i;

const WEATHER = /^(IO Error|Out of Memory Error)|Failed to (commit|attach)|could not set lock|disk I\/O|No space left/i;

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function isLostRace(error: unknown): boolean {
  return !(error instanceof SuperstepError) && LOST_RACE.test(messageOf(error));
}

export function isInterrupted(error: unknown): boolean {
  return /INTERRUPT Error/.test(messageOf(error));
}

/**
 * What the engine threw, as the project's own failure where it is one: races, disks and memory become
 * `LakeUnavailable` (retried); anything else stays as it is.
 */
export function lakeFault(error: unknown): unknown {
  if (error instanceof SuperstepError) return error;
  const message = messageOf(error);
  if (!LOST_RACE.test(message) && !WEATHER.test(message)) return error;
  const remedy = message.startsWith('Out of Memory')
    ? 'give the worker a higher memory limit or a larger scratch folder'
    : 'it is tried again; if it stays, look for another process that writes the lake, and at disk space and rights';
  return new SuperstepError('LakeUnavailable', `the lake did not answer: ${message}; ${remedy}`);
}
