import type { Lake } from '../lakehouse/lake.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { Registry } from '../registry/registry.ts';

/** What the activities of the data worker share. */
export interface DataDependencies {
  readonly lake: Lake;
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  /** Folder of this environment's predictions that leave the lake as files. */
  readonly exports: string;
  readonly lightgbmLib: string;
  readonly threads: number;
}
