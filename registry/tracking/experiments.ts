import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RegistryDatabase } from '../database.ts';
import { compileExperimentSearch } from '../search/compile-search.ts';
import { offsetOf, pageTokenOf } from '../search/page-token.ts';
import { insertRows } from './insert-rows.ts';
import {
  experimentNumber,
  requireArtifactLocation,
  requireExperimentName,
  requireExperimentTag,
  unknownExperiment,
} from './tracking-rules.ts';

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Which lifecycle stages a search sees. */
export const VIEW_TYPES = ['ACTIVE_ONLY', 'DELETED_ONLY', 'ALL'] as const;
export type ViewType = (typeof VIEW_TYPES)[number];

export interface Experiment {
  readonly experimentId: string;
  readonly name: string;
  readonly artifactLocation: string;
  readonly lifecycleStage: 'active' | 'deleted';
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly tags: readonly Tag[];
}

export interface NewExperiment {
  readonly name: string;
  readonly artifactLocation?: string | undefined;
  readonly tags: readonly Tag[];
}

export interface ExperimentSearch {
  readonly viewType: ViewType;
  readonly maxResults: number;
  readonly pageToken?: string | undefined;
  readonly filter?: string | undefined;
  readonly orderBy?: readonly string[] | undefined;
}

interface ExperimentRow {
  readonly id: number;
  readonly name: string;
  readonly lifecycle_stage: 'active' | 'deleted';
  readonly artifact_location: string;
  readonly created_at: string;
  readonly updated_at: string;
}

const COLUMNS = ['id', 'name', 'lifecycle_stage', 'artifact_location', 'created_at', 'updated_at'].map(
  (column) => `experiments.${column}`,
);

export interface ExperimentsDeps {
  readonly db: RegistryDatabase;
  readonly now: () => Date;
}

/** Experiments as MLflow's clients write and read them. Unknown ids are `UnknownResource`, other faults `InvalidInput`. */
export function createExperiments({ db, now }: ExperimentsDeps) {
  const at = (): string => now().toISOString();

  return {
    /** @throws AlreadyExists for a name that an experiment has, also a deleted one */
    createExperiment: async (input: NewExperiment): Promise<string> => {
      requireNewExperiment(input);
      return db.write((trx) => insertExperiment(trx, input, at()));
    },

    getExperiment: (experimentId: string): Promise<Experiment> =>
      db.read(async (knex) => {
        const [experiment] = await withTags(knex, [await requireExperiment(knex, experimentId)]);
        if (experiment === undefined) throw unknownExperiment(experimentId);
        return experiment;
      }),

    getExperimentByName: (name: string): Promise<Experiment> =>
      db.read(async (knex) => {
        const row = await knex('experiments').where({ name }).first<ExperimentRow | undefined>(COLUMNS);
        const [experiment] = row === undefined ? [] : await withTags(knex, [row]);
        if (experiment !== undefined) return experiment;
        throw new SuperstepError('UnknownResource', `Could not find experiment with name '${name.slice(0, 500)}'`);
      }),

    searchExperiments: async (search: ExperimentSearch) => searchExperiments(db, search),

    /** Its runs go with it. */
    deleteExperiment: (experimentId: string): Promise<void> => {
      const remove = async (trx: Knex): Promise<void> => {
        const { id, lifecycle_stage } = await requireExperiment(trx, experimentId);
        if (lifecycle_stage === 'deleted') throw unknownExperiment(experimentId);
        await move(trx, id, 'deleted', at());
      };
      return db.write(remove, { scope: experimentScope(experimentId) });
    },

    /** Its runs come back with it. */
    restoreExperiment: (experimentId: string): Promise<void> => {
      const restore = async (trx: Knex): Promise<void> => {
        const { id, lifecycle_stage } = await requireExperiment(trx, experimentId);
        if (lifecycle_stage === 'deleted') await move(trx, id, 'active', at());
      };
      return db.write(restore, { scope: experimentScope(experimentId) });
    },

    renameExperiment: async (experimentId: string, name: string): Promise<void> => {
      requireExperimentName(name, 'new_name');
      return db.write(async (trx) => {
        const row = await requireActive(trx, experimentId);
        if (row.name === name) return;
        await requireFreeName(trx, name);
        await trx('experiments').where({ id: row.id }).update({ name, updated_at: at() });
      });
    },

    setExperimentTag: async (experimentId: string, tag: Tag): Promise<void> => {
      requireExperimentTag(tag.key, tag.value, '');
      return db.write(async (trx) => setTag(trx, (await requireActive(trx, experimentId)).id, tag));
    },

    deleteExperimentTag: (experimentId: string, key: string): Promise<void> =>
      db.write(async (trx) => {
        const { id } = await requireActive(trx, experimentId);
        if ((await trx('experiment_tags').where({ experiment_id: id, key }).delete()) > 0) return;
        throw new SuperstepError(
          'UnknownResource',
          `No tag with name: ${key.slice(0, 250)} in experiment ${experimentId}`,
        );
      }),
  };
}

export type Experiments = ReturnType<typeof createExperiments>;

/** The scope of writers that make runs in this experiment, or move it with its runs. */
export function experimentScope(experimentId: string): string {
  return `experiment/${experimentId}`;
}

/**
 * An experiment that takes new runs.
 *
 * @throws UnknownResource, or InvalidInput for a deleted one
 */
export async function requireActive(knex: Knex, experimentId: string): Promise<ExperimentRow> {
  const row = await requireExperiment(knex, experimentId);
  if (row.lifecycle_stage === 'active') return row;
  throw new SuperstepError(
    'InvalidInput',
    `The experiment ${experimentId} must be in the 'active' state; found deleted; restore it first`,
    { experimentId },
  );
}

/** The lifecycle stage that a view shows; do not ask for ALL. */
export function stageOf(viewType: Exclude<ViewType, 'ALL'>): 'active' | 'deleted' {
  return viewType === 'DELETED_ONLY' ? 'deleted' : 'active';
}

/** The token of the next page when a query for one row more than the page found it. */
export function nextPage(found: number, maxResults: number, offset: number): { readonly nextPageToken?: string } {
  return found > maxResults ? { nextPageToken: pageTokenOf(offset + maxResults) } : {};
}

function requireNewExperiment({ name, artifactLocation, tags }: NewExperiment): void {
  requireExperimentName(name, 'name');
  if (artifactLocation !== undefined) requireArtifactLocation(artifactLocation);
  tags.forEach(({ key, value }, i) => requireExperimentTag(key, value, `tags[${i}].`));
}

async function insertExperiment(trx: Knex, input: NewExperiment, created: string): Promise<string> {
  await requireFreeName(trx, input.name);
  const [row] = await trx('experiments')
    .insert({ name: input.name, created_at: created, updated_at: created })
    .returning<{ id: number }[]>('id');
  const id = row?.id ?? Number.NaN;
  // Not known before: the default location holds the id.
  const location = input.artifactLocation?.replace(/\/+$/, '') || `mlflow-artifacts:/${id}`;
  await trx('experiments').where({ id }).update({ artifact_location: location });
  for (const tag of input.tags) await setTag(trx, id, tag);
  return String(id);
}

function searchExperiments(
  db: RegistryDatabase,
  { viewType, maxResults, pageToken, filter, orderBy }: ExperimentSearch,
): Promise<{ readonly experiments: readonly Experiment[]; readonly nextPageToken?: string }> {
  const apply = compileExperimentSearch({ filter, orderBy });
  const offset = offsetOf(pageToken);
  return db.read(async (knex) => {
    const query = knex('experiments').select<ExperimentRow[]>(COLUMNS);
    if (viewType !== 'ALL') void query.where('experiments.lifecycle_stage', stageOf(viewType));
    apply(query);
    const rows = await query.limit(maxResults + 1).offset(offset);
    const experiments = await withTags(knex, rows.slice(0, maxResults));
    return { experiments, ...nextPage(rows.length, maxResults, offset) };
  });
}

async function requireExperiment(knex: Knex, experimentId: string): Promise<ExperimentRow> {
  const row = await knex('experiments')
    .where({ id: experimentNumber(experimentId) })
    .first<ExperimentRow | undefined>(COLUMNS);
  if (row === undefined) throw unknownExperiment(experimentId);
  return row;
}

async function requireFreeName(trx: Knex, name: string): Promise<void> {
  const taken = await trx('experiments').where({ name }).first<{ lifecycle_stage: string } | undefined>();
  if (taken === undefined) return;
  throw new SuperstepError(
    'AlreadyExists',
    `Experiment(name=${name}) already exists (${taken.lifecycle_stage}); choose another name, or use, restore or rename that one`,
  );
}

async function move(trx: Knex, id: number, stage: 'active' | 'deleted', at: string): Promise<void> {
  await trx('experiments').where({ id }).update({ lifecycle_stage: stage, updated_at: at });
  await trx('runs').where({ experiment_id: id }).update({ lifecycle_stage: stage });
}

async function setTag(trx: Knex, id: number, { key, value }: Tag): Promise<void> {
  const then = 'on conflict (experiment_id, key) do update set value = excluded.value';
  await insertRows(trx, 'experiment_tags', ['experiment_id', 'key', 'value'], [[id, key, value]], then);
}

async function withTags(knex: Knex, rows: readonly ExperimentRow[]): Promise<Experiment[]> {
  const tags = new Map<number, Tag[]>(rows.map(({ id }) => [id, []]));
  const ids = [...tags.keys()];
  for (let i = 0; i < ids.length; i += IDS_PER_QUERY) {
    const found = await knex('experiment_tags')
      .whereIn('experiment_id', ids.slice(i, i + IDS_PER_QUERY))
      .orderBy('key')
      .select<(Tag & { experiment_id: number })[]>('experiment_id', 'key', 'value');
    for (const { experiment_id, key, value } of found) tags.get(experiment_id)?.push({ key, value });
  }
  return rows.map((row) => ({
    experimentId: String(row.id),
    name: row.name,
    artifactLocation: row.artifact_location,
    lifecycleStage: row.lifecycle_stage,
    createdMs: Date.parse(row.created_at),
    updatedMs: Date.parse(row.updated_at),
    tags: tags.get(row.id) ?? [],
  }));
}

const IDS_PER_QUERY = 1_000;
