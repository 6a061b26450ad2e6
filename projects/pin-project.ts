import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { EffectivePolicy } from './effective-policy.ts';
import type { LoadedProject } from './load-project.ts';

/**
 * What a workflow's first activity stores and all later ones read. A loaded project has one order of fields whatever
 * the order in project.yaml, so equal content in the same folder gives equal JSON.
 */
export function toPinnedBundle(loaded: LoadedProject, { policy, riskTier }: EffectivePolicy): PinnedBundle {
  return { definition: loaded.definition, files: loaded.files, policy, riskTier, folder: loaded.folder };
}
