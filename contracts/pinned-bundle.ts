import type { Policy } from './schemas/policy.ts';
import type { ProjectDefinition } from './schemas/project.ts';

/** Which tier's rules hold for a model, and whether governance has confirmed that. */
export interface RiskTier {
  readonly tier: string;
  readonly confirmed: boolean;
}

/** What {@link PinnedProject.bundle} holds. Equal content gives equal bytes, so it is stored once. */
export interface PinnedBundle {
  readonly definition: ProjectDefinition;
  /** SQL texts by the path that the definition uses. */
  readonly files: Readonly<Record<string, string>>;
  /** With the rules of the model's risk tier. */
  readonly policy: Policy;
  readonly riskTier: RiskTier;
  /** Absolute folder of the project: relative source paths start here. Not part of the digests. */
  readonly folder: string;
}
