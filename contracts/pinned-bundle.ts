import type { Policy } from './schemas/policy.ts';
import type { ProjectDefinition } from './schemas/project.ts';

/** What {@link PinnedProject.bundle} holds. Equal content gives equal bytes, so it is stored once. */
export interface PinnedBundle {
  readonly definition: ProjectDefinition;
  /** SQL texts by the path that the definition uses. */
  readonly files: Readonly<Record<string, string>>;
  readonly policy: Policy;
  /** Absolute folder of the project: relative source paths start here. Not part of the digests. */
  readonly folder: string;
}
