import type { Environment } from '../contracts/environments.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { Registry } from '../registry/registry.ts';

/** What the activities of a promotion share. */
export interface PromotionDependencies {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly environment: Environment;
  readonly policies: string;
  /** For what child processes read and leave while they run. */
  readonly scratchFolder: string;
  readonly temporalAddress: string;
  /** Where evidence pages are served, for example `http://127.0.0.1:8234`. */
  readonly evidenceUrl: string;
  /** This environment's endpoint. */
  readonly endpointUrl: string;
}
