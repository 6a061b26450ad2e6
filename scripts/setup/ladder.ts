import { firstLine, messageForPerson } from '../message-for-person.ts';
import type { Report } from './report.ts';

/** One way to get a native part. `climb` rejects with the reason when this way is closed. */
export interface Rung {
  readonly name: string;
  readonly climb: () => Promise<string>;
}

export interface Ladder {
  /** What is looked for, for example `Temporal CLI`. */
  readonly part: string;
  readonly rungs: readonly Rung[];
  /** What a person can install when every rung failed; one sentence a line. */
  readonly remedy: string;
  readonly report: Report;
}

/**
 * Tries the rungs in order and returns the path that the first working one gives. When none works, the error lists
 * every rung with its reason and says what to install.
 */
export async function climbLadder({ part, rungs, remedy, report }: Ladder): Promise<string> {
  const reasons: string[] = [];
  for (const rung of rungs) {
    report(`${part}: trying ${rung.name} ...`);
    try {
      const path = await rung.climb();
      report(`${part}: found by ${rung.name}: ${path}`);
      return path;
    } catch (error) {
      const reason = firstLine(error);
      reasons.push(`  - ${rung.name}: ${reason}`);
      report(`${part}: not by ${rung.name}: ${reason}`);
    }
  }
  throw messageForPerson(`${part} could be neither found nor made. Looked for:\n${reasons.join('\n')}\n${remedy}`);
}
