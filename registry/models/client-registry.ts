import type { ArtifactStore } from '../artifact-store.ts';
import type { RegistryDatabase } from '../database.ts';
import { createAdoption } from './adoption.ts';
import { createAliases } from './aliases.ts';
import { createAskedTransitions } from './asked-transitions.ts';
import { createClientModels } from './client-models.ts';
import { createClientVersions } from './client-versions.ts';
import { createComments } from './comments.ts';
import { createDeletion } from './deletion.ts';
import { createModelSearch } from './model-search.ts';
import { createMovesByHand } from './moves-by-hand.ts';
import { createRename } from './rename.ts';
import { createClientTags } from './tags.ts';
import { createVersionArtifact } from './version-artifact.ts';

/**
 * Registered models as MLflow's and Databricks' clients read and change them: the same rows as the workflows', one
 * transaction a call.
 */
export function createClientRegistry(deps: {
  readonly db: RegistryDatabase;
  readonly artifacts: ArtifactStore;
  readonly now: () => Date;
}) {
  return {
    ...createClientModels(deps),
    ...createClientVersions(deps),
    ...createClientTags(deps),
    ...createAliases(deps),
    ...createRename(deps),
    ...createDeletion(deps),
    ...createMovesByHand(deps),
    ...createAskedTransitions(deps),
    ...createComments(deps),
    ...createModelSearch(deps),
    ...createVersionArtifact(deps),
    ...createAdoption(deps),
  };
}
