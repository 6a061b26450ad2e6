import type { Environment } from '../../contracts/environments.ts';

/** Where a running stack answers. */
export interface StackAddresses {
  /** `host:port`. */
  readonly temporal: string;
  readonly temporalUi: string;
  readonly evidence: string;
  readonly endpoints: Partial<Readonly<Record<Environment, string>>>;
}
