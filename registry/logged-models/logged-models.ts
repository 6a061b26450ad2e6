import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RegistryDatabase } from '../database.ts';
import { compileLoggedModelSearch, type LoggedModelSearchInput } from '../search/compile-search.ts';
import { offsetOf } from '../search/page-token.ts';
import { nextPage, requireActive, type Tag } from '../tracking/experiments.ts';
import { insertRows } from '../tracking/insert-rows.ts';
import { randomRunName } from '../tracking/random-run-name.ts';
import { experimentNumber, requireKey, requireLength, storedParam, storedTag } from '../tracking/tracking-rules.ts';
import {
  requireLoggedModel,
  withDetails,
  type LoggedModel,
  type LoggedModelRow,
  type LoggedModelStatus,
} from './read-logged-models.ts';

export interface NewLoggedModel {
  readonly experimentId: string;
  /** The default is a random one. */
  readonly name?: string | undefined;
  readonly modelType?: string | undefined;
  readonly sourceRunId?: string | undefined;
  readonly params: readonly Tag[];
  readonly tags: readonly Tag[];
}

export interface LoggedModelSearch extends LoggedModelSearchInput {
  readonly experimentIds: readonly string[];
  readonly maxResults: number;
  readonly pageToken?: string | undefined;
}

const MOST_AT_ONCE = 1_000;
const LONGEST_NAME = 500;
const LONGEST_WORD = 250;

/** Logged models as MLflow 3's clients write and read them. Unknown ones are `UnknownResource`, other faults `InvalidInput`. */
export function createLoggedModels({ db, now }: { readonly db: RegistryDatabase; readonly now: () => Date }) {
  return {
    /** Its status is pending until its files are there and somebody says so. */
    createLoggedModel: (input: NewLoggedModel): Promise<LoggedModel> => {
      requireNew(input);
      return db.write(async (trx) => {
        const row = rowOf(input, await requireActive(trx, input.experimentId), now().getTime());
        await trx('logged_models').insert(row);
        await addParams(trx, row.id, input.params);
        await setTags(trx, row.id, input.tags);
        return read(trx, row);
      });
    },

    getLoggedModel: (modelId: string): Promise<LoggedModel> =>
      db.read(async (knex) => read(knex, await requireLoggedModel(knex, modelId))),

    setLoggedModelStatus: (modelId: string, status: LoggedModelStatus): Promise<LoggedModel> =>
      db.write(async (trx) => {
        const row = await requireLoggedModel(trx, modelId);
        const change = { status, updated_ms: now().getTime() };
        await trx('logged_models').where({ id: modelId }).update(change);
        return read(trx, { ...row, ...change });
      }),

    /** Hides it. Its files stay, for the versions that were made of it. */
    deleteLoggedModel: (modelId: string): Promise<void> =>
      db.write(async (trx) => {
        await requireLoggedModel(trx, modelId);
        await trx('logged_models').where({ id: modelId }).update({ deleted_at: now().toISOString() });
      }),

    setLoggedModelTags: (modelId: string, tags: readonly Tag[]): Promise<void> => {
      requireTags(tags);
      return db.write(async (trx) => {
        await requireLoggedModel(trx, modelId);
        await setTags(trx, modelId, tags);
      });
    },

    deleteLoggedModelTag: (modelId: string, key: string): Promise<void> =>
      db.write(async (trx) => {
        await requireLoggedModel(trx, modelId);
        if ((await trx('logged_model_tags').where({ model_id: modelId, key }).delete()) > 0) return;
        throw new SuperstepError('UnknownResource', `No tag with name: ${key.slice(0, LONGEST_WORD)} in ${modelId}`);
      }),

    /** What is set stays: the same value again is fine, another one is not. */
    addLoggedModelParams: (modelId: string, params: readonly Tag[]): Promise<void> => {
      requireParams(params);
      return db.write(async (trx) => {
        await requireLoggedModel(trx, modelId);
        await addParams(trx, modelId, params);
      });
    },

    searchLoggedModels: (search: LoggedModelSearch) => searchLoggedModels(db, search),
  };
}

export type LoggedModels = ReturnType<typeof createLoggedModels>;

async function searchLoggedModels(
  db: RegistryDatabase,
  { experimentIds, maxResults, pageToken, ...input }: LoggedModelSearch,
): Promise<{ readonly models: readonly LoggedModel[]; readonly nextPageToken?: string }> {
  const apply = compileLoggedModelSearch(input);
  const offset = offsetOf(pageToken);
  const ids = experimentIds.map(experimentNumber);
  return db.read(async (knex) => {
    const query = knex('logged_models')
      .whereIn('logged_models.experiment_id', ids)
      .whereNull('logged_models.deleted_at')
      .select<LoggedModelRow[]>('logged_models.*');
    apply(query);
    const rows = await query.limit(maxResults + 1).offset(offset);
    const models = await withDetails(knex, rows.slice(0, maxResults));
    return { models, ...nextPage(rows.length, maxResults, offset) };
  });
}

function rowOf(
  input: NewLoggedModel,
  experiment: { readonly id: number; readonly artifact_location: string },
  at: number,
): LoggedModelRow {
  const id = `m-${randomUUID().replaceAll('-', '')}`;
  return {
    id,
    experiment_id: experiment.id,
    name: input.name ?? randomRunName(),
    created_ms: at,
    updated_ms: at,
    artifact_uri: `${experiment.artifact_location}/models/${id}/artifacts`,
    status: 'LOGGED_MODEL_PENDING',
    model_type: input.modelType ?? null,
    source_run_id: input.sourceRunId ?? null,
    status_message: null,
  };
}

async function read(knex: Knex, row: LoggedModelRow): Promise<LoggedModel> {
  const [model] = await withDetails(knex, [row]);
  if (model === undefined) throw new Error(`no details of the logged model ${row.id}`);
  return model;
}

function requireNew({ name, modelType, sourceRunId, params, tags }: NewLoggedModel): void {
  if (name !== undefined) requireName(name);
  requireLength(modelType ?? '', LONGEST_NAME, 'model_type');
  requireLength(sourceRunId ?? '', LONGEST_WORD, 'source_run_id');
  requireParams(params);
  requireTags(tags);
}

/** It stands in URIs and in filters. @throws InvalidInput */
function requireName(name: string): void {
  requireLength(name, LONGEST_NAME, 'name');
  if (name.trim() !== '' && !/[/:.%"'\p{Cc}]/u.test(name)) return;
  throw new SuperstepError(
    'InvalidInput',
    `Invalid model name (${JSON.stringify(name)}) provided. Model name must be a non-empty string and cannot contain the following characters: / : . % " '`,
  );
}

function requireParams(params: readonly Tag[]): void {
  requireFew(params, 'params');
  params.forEach(({ key }, i) => requireKey(key, `params[${i}].key`));
}

function requireTags(tags: readonly Tag[]): void {
  requireFew(tags, 'tags');
  tags.forEach(({ key }, i) => requireKey(key, `tags[${i}].key`));
}

function requireFew(list: readonly Tag[], at: string): void {
  if (list.length <= MOST_AT_ONCE) return;
  throw new SuperstepError('InvalidInput', `'${at}' may hold at most ${MOST_AT_ONCE} at once; found ${list.length}`);
}

async function setTags(trx: Knex, modelId: string, tags: readonly Tag[]): Promise<void> {
  // Of a key that comes twice the last one counts.
  const rows = [...new Map(tags.map(({ key, value }) => [key, storedTag(value)]))];
  await insertRows(
    trx,
    'logged_model_tags',
    ['model_id', 'key', 'value'],
    rows.map(([key, value]) => [modelId, key, value]),
    'on conflict (model_id, key) do update set value = excluded.value',
  );
}

async function addParams(trx: Knex, modelId: string, params: readonly Tag[]): Promise<void> {
  const rows = await trx('logged_model_params').where({ model_id: modelId }).select<Tag[]>('key', 'value');
  const known = new Map(rows.map(({ key, value }) => [key, value]));
  const added: (readonly [string, string, string])[] = [];
  for (const { key, value: given } of params) {
    const value = storedParam(given);
    const before = known.get(key);
    if (before === value) continue;
    if (before !== undefined) {
      throw new SuperstepError(
        'InvalidInput',
        `Changing param values is not allowed. Param ${JSON.stringify(key)} of ${modelId} was already logged with another value`,
      );
    }
    known.set(key, value);
    added.push([modelId, key, value]);
  }
  await insertRows(trx, 'logged_model_params', ['model_id', 'key', 'value'], added, '');
}
