import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { RegistryDatabase } from './database.ts';
import { requireLoggedModel } from './logged-models/read-logged-models.ts';
import { requireVersion } from './model-versions.ts';
import { pathOfArtifactUri } from './models/source-guard.ts';
import { unknownRun } from './tracking/tracking-rules.ts';

/** Where the artifacts of a run, a version or a logged model are. */
export interface ArtifactLocation {
  /** As clients know it. */
  readonly uri: string;
  /** What stands behind `mlflow-artifacts:/`; null for a location that this server does not hold. */
  readonly path: string | null;
}

/** Finds the artifacts of runs, versions and logged models. */
export function createArtifactLocations({ db }: { readonly db: RegistryDatabase }) {
  const locate = (uriOf: (knex: Knex) => Promise<string>): Promise<ArtifactLocation> =>
    db.read(async (knex) => locationOf(await uriOf(knex)));
  return {
    /** @throws UnknownResource */
    ofRun: (runId: string) =>
      locate(async (knex) => {
        const run = await knex('runs').where({ id: runId }).first<{ artifact_uri: string } | undefined>('artifact_uri');
        if (run === undefined) throw unknownRun(runId);
        return run.artifact_uri;
      }),
    /** @throws UnknownModel */
    ofVersion: (model: string, version: number) =>
      locate(async (knex) => {
        const { downloadUri, source } = await requireVersion(knex, model, version);
        return downloadUri ?? source;
      }),
    /** @throws UnknownResource */
    ofLoggedModel: (modelId: string) => locate(async (knex) => (await requireLoggedModel(knex, modelId)).artifact_uri),
  };
}

export type ArtifactLocations = ReturnType<typeof createArtifactLocations>;

/** The path among this server's artifacts. @throws InvalidInput for a location elsewhere */
export function heldHere({ uri, path }: ArtifactLocation): string {
  if (path !== null) return path;
  throw new SuperstepError(
    'InvalidInput',
    `the artifacts are at ${uri.slice(0, 200)}, which this server does not hold; ask there`,
  );
}

function locationOf(uri: string): ArtifactLocation {
  try {
    return { uri, path: pathOfArtifactUri(uri) ?? null };
  } catch {
    // Locations are looked at when they come in; one that came in otherwise leads nowhere.
    return { uri, path: null };
  }
}
