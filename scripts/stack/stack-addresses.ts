import type { Environment } from '../../contracts/environments.ts';

/** Where a running stack answers. */
export interface StackAddresses {
  /** `host:port`. */
  readonly temporal: string;
  readonly temporalUi: string;
  readonly evidence: string;
  /** The tracking URI of prod; `<registry>/dev` and `<registry>/staging` are the others'. */
  readonly registry: string;
  readonly endpoints: Partial<Readonly<Record<Environment, string>>>;
}
