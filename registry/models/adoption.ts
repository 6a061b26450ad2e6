import type { ArtifactRef } from '../../contracts/references.ts';
import { writeActivity } from '../activity-log.ts';
import { findFile } from '../artifact-files.ts';
import type { RegistryDatabase } from '../database.ts';
import { requireVersion } from '../model-versions.ts';
import { writeVersionTags, type VersionName } from '../version-notes.ts';
import { pathOfArtifactUri } from './source-guard.ts';

interface Deps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** The run of the engine that evaluated a version which a client brought. Written once, by the engine alone. */
export const EVALUATION_RUN_TAG = 'superstep.evaluation_run';

/** How a client's version gets a lineage of the engine's. */
export function createAdoption({ db, now }: Deps) {
  return {
    /** A file in the folder that a version's source leads to; undefined where it has none of that name. @throws UnknownModel */
    versionFile: ({ model, version }: VersionName, name: string): Promise<ArtifactRef | undefined> =>
      db.read(async (knex) => {
        const { downloadUri, source } = await requireVersion(knex, model, version);
        const uri = downloadUri ?? source;
        const folder = uri === '' ? undefined : pathOfArtifactUri(uri);
        return folder === undefined ? undefined : findFile(knex, `${folder}/${name}`);
      }),

    /** The run that evaluated a version; null for one that no client brought, or that came to no gate yet. */
    evaluationRun: (model: string, version: number): Promise<string | null> =>
      db.read(async (knex) => {
        const tag = knex('model_version_tags').where({ model, version, key: EVALUATION_RUN_TAG });
        return (await tag.first<{ value: string } | undefined>('value'))?.value ?? null;
      }),

    /** Names of the inputs of a version that a client brought, where its evaluation had to take them from its signature. */
    adoptedColumns: (model: string, version: number): Promise<readonly string[] | undefined> =>
      db.read(async (knex) => {
        const row = await knex('run_inputs')
          .join('model_version_tags', 'model_version_tags.value', 'run_inputs.run_id')
          .where({ model, version, key: EVALUATION_RUN_TAG, 'run_inputs.name': 'columns' })
          .first<{ content: string } | undefined>('run_inputs.content');
        return row === undefined ? undefined : (JSON.parse(row.content) as string[]);
      }),

    /**
     * Links a version to the run that evaluated it, once: a later evaluation changes nothing. Gives the run that counts.
     *
     * @throws UnknownModel
     */
    linkEvaluation: ({ model, version, runId, workflowId }: VersionName & LinkInput): Promise<string> =>
      db.write(async (trx) => {
        await requireVersion(trx, model, version);
        const tag = trx('model_version_tags').where({ model, version, key: EVALUATION_RUN_TAG });
        const known = await tag.first<{ value: string } | undefined>('value');
        if (known !== undefined) return known.value;
        await writeVersionTags(trx, { model, version }, { [EVALUATION_RUN_TAG]: runId });
        const details = { key: EVALUATION_RUN_TAG, value: runId };
        const set = { at: now().toISOString(), model, version, action: 'SET_TAG' as const, by: 'superstep' };
        await writeActivity(trx, { ...set, workflowId, details });
        return runId;
      }),
  };
}

interface LinkInput {
  readonly runId: string;
  readonly workflowId: string;
}
