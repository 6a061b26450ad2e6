import type { Environment } from '../../contracts/environments.ts';
import type { NativeParts } from '../setup/native-parts.ts';
import type { Report } from '../setup/report.ts';
import type { StackAddresses } from './stack-addresses.ts';
import type { Undo } from './undo.ts';

/** What the starters of child processes share. */
export interface ChildSettings {
  readonly home: string;
  readonly addresses: StackAddresses;
  readonly parts: NativeParts;
  readonly environments: readonly Environment[];
  readonly env: NodeJS.ProcessEnv;
  readonly report: Report;
  readonly undo: Undo;
  readonly signal: AbortSignal | undefined;
}
