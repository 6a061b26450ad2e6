import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { PinnedProject } from '../contracts/training.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';

/** Reads what a run was pinned to; the store checks the digest. */
export function readBundle(artifacts: ArtifactStore, pinned: PinnedProject): Promise<PinnedBundle> {
  return artifacts.readJson<PinnedBundle>(pinned.bundle);
}
