import type { Knex } from 'knex';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import { writeActivity } from './activity-log.ts';
import type { Stage } from './stages.ts';
import { pathOfArtifactUri } from './models/source-guard.ts';
import { requireRun, requireStored, type TrackingDeps } from './tracking.ts';
import { writeComment, writeVersionTags, type VersionComment, type VersionName } from './version-notes.ts';

export interface RegisterModelVersionInput {
  /** Names what the version was made from: the same key is the same version. */
  readonly naturalKey: string;
  readonly model: string;
  readonly runId: string;
  readonly onnx: ArtifactRef;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly owner: string;
}

/** A version's own row. */
export interface ModelVersion extends VersionName {
  readonly stage: Stage;
  /** Null for a version that came in without a run. */
  readonly runId: string | null;
  /** Null for a version that came in without a file, or whose file has not been found yet. */
  readonly onnx: ArtifactRef | null;
  /** Where the ONNX file stands among the artifact files; null for one that is known by its content alone. */
  readonly onnxPath: string | null;
  /** Where it comes from, as whoever registered it wrote it: `mlflow-artifacts:/…`, `runs:/…`, `models:/…`, a URI. */
  readonly source: string;
  /** Where the source leads to, for those who download it; null when that is the source itself. */
  readonly downloadUri: string | null;
  /** The logged model that it was made from. */
  readonly loggedModelId: string | null;
  readonly runLink: string;
  readonly description: string;
  readonly owner: string;
  /** Who registered it, as a client; empty for one without a name. */
  readonly userId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A version with all that hangs on it. */
export interface ModelVersionRecord extends ModelVersion {
  readonly tags: Readonly<Record<string, string>>;
  /** Oldest first. */
  readonly comments: readonly VersionComment[];
  readonly aliases: readonly string[];
}

/** A row of `model_versions`. */
export interface VersionRow {
  readonly model: string;
  readonly version: number;
  readonly stage: Stage;
  readonly run_id: string | null;
  readonly onnx_uri: string | null;
  readonly onnx_sha256: string | null;
  readonly onnx_bytes: number | string | null;
  readonly onnx_path: string | null;
  readonly source: string;
  readonly download_uri: string | null;
  readonly model_id: string | null;
  readonly run_link: string;
  readonly description: string;
  readonly owner: string;
  readonly user_id: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** Registered models and their versions. */
export function createModelVersions({ db, artifacts, now }: TrackingDeps) {
  return {
    /** Registers the model's next version at stage None, once per model and natural key; the model too if it is new. */
    registerModelVersion: async (input: RegisterModelVersionInput): Promise<VersionName> => {
      await requireStored(artifacts, input.onnx, `the ONNX file of ${input.model}`);
      return db.write(async (trx) => {
        const known = await trx('model_versions')
          .where({ model: input.model, natural_key: input.naturalKey })
          .first<VersionName | undefined>('model', 'version');
        if (known !== undefined) return { model: known.model, version: known.version };
        await requireRun(trx, input.runId);
        return insertVersion(trx, input, now().toISOString());
      });
    },

    /** @throws UnknownModel, which lists what there is */
    getModelVersion: (model: string, version: number): Promise<ModelVersionRecord> =>
      db.read(async (knex) => withNotes(knex, await requireVersion(knex, model, version))),

    /** All versions of a model, oldest first; empty for a model that is not there. */
    modelVersions: (model: string): Promise<ModelVersion[]> => db.read((knex) => selectVersions(knex, { model })),

    /** The champion; undefined while nothing is in Production. */
    productionVersion: (model: string): Promise<ModelVersionRecord | undefined> =>
      db.read(async (knex) => {
        const version = await findProduction(knex, model);
        return version === undefined ? undefined : withNotes(knex, version);
      }),

    /** What is in Production, of every model: one query, cheap enough to poll. */
    productionVersions: (): Promise<ModelVersion[]> => db.read((knex) => selectVersions(knex, { stage: 'Production' })),

    /** Sets tags of a version; others stay. */
    setTags: ({ model, version, tags }: VersionName & { readonly tags: Readonly<Record<string, string>> }) =>
      db.write(async (trx): Promise<void> => {
        await requireVersion(trx, model, version);
        await writeVersionTags(trx, { model, version }, tags);
      }),

    /** Adds a comment, once per natural key. */
    addComment: (
      input: VersionName & { readonly naturalKey: string; readonly author: string; readonly comment: string },
    ) =>
      db.write(async (trx): Promise<void> => {
        const { model, version } = await requireVersion(trx, input.model, input.version);
        const at = now().toISOString();
        if (!(await writeComment(trx, { ...input, at }))) return;
        const { author: by, comment } = input;
        await writeActivity(trx, { at, model, version, action: 'NEW_COMMENT', by, comment });
      }),
  };
}

/** @throws UnknownModel, which lists what there is */
export async function requireVersion(knex: Knex, model: string, version: number): Promise<ModelVersion> {
  const [found] = await selectVersions(knex, { model, version });
  if (found !== undefined) return found;
  const latest = knex('model_versions').where({ model }).whereNull('deleted_at').orderBy('version', 'desc');
  const versions = (await latest.limit(NAMED_IN_MESSAGE + 1).pluck('version')) as number[];
  if (versions.length === 0) throw await unknownModel(knex, model);
  const there = listed(versions.reverse());
  throw new SuperstepError('UnknownModel', `${model} has no version ${version}; it has ${there}`, {
    model,
    version,
    versions,
  });
}

/** The fault of naming a model that is not there, or has no version; lists what there is. */
export async function unknownModel(knex: Knex, model: string): Promise<SuperstepError> {
  const living = knex('registered_models').where({ name: model }).whereNull('deleted_at');
  const known = await living.first<{ name: string } | undefined>('name');
  if (known !== undefined) return new SuperstepError('UnknownModel', `${model} has no version yet`, { model });
  const names = knex('registered_models').whereNull('deleted_at').orderBy('name', 'desc');
  const models = ((await names.limit(NAMED_IN_MESSAGE + 1).pluck('name')) as string[]).reverse();
  const there = models.length === 0 ? 'there is no model yet' : `there are ${listed(models)}`;
  const found = `there is no model "${model}"; ${there}; train and register one first`;
  return new SuperstepError('UnknownModel', found, { model, models });
}

// A message names a choice, not thousands.
const NAMED_IN_MESSAGE = 20;

function listed(names: readonly (string | number)[]): string {
  const shown = names.slice(-NAMED_IN_MESSAGE).join(', ');
  return names.length > NAMED_IN_MESSAGE ? `…, ${shown}` : shown;
}

/** The version in Production; a unique index makes sure that there is at most one. */
export async function findProduction(knex: Knex, model: string): Promise<ModelVersion | undefined> {
  const [version] = await selectVersions(knex, { model, stage: 'Production' });
  return version;
}

async function selectVersions(
  knex: Knex,
  where: Partial<Pick<VersionRow, 'model' | 'version' | 'stage'>>,
): Promise<ModelVersion[]> {
  const rows = await knex('model_versions')
    .where(where)
    .whereNull('deleted_at')
    .orderBy(['model', 'version'])
    .select<VersionRow[]>('*');
  return rows.map(versionFromRow);
}

export function versionFromRow(row: VersionRow): ModelVersion {
  return {
    model: row.model,
    version: row.version,
    stage: row.stage,
    runId: row.run_id,
    onnx:
      row.onnx_uri === null || row.onnx_sha256 === null
        ? null
        : { uri: row.onnx_uri, sha256: row.onnx_sha256, bytes: Number(row.onnx_bytes) },
    onnxPath: row.onnx_path,
    source: row.source,
    downloadUri: row.download_uri,
    loggedModelId: row.model_id,
    runLink: row.run_link,
    description: row.description,
    owner: row.owner,
    userId: row.user_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

async function insertVersion(trx: Knex, input: RegisterModelVersionInput, at: string): Promise<VersionName> {
  const { model, owner, description } = input;
  await insertOrTouchModel(trx, model, owner, at);
  const version = await nextVersion(trx, model);
  const folder = await runModelFolder(trx, input.runId);
  await trx('model_versions').insert({
    model,
    version,
    natural_key: input.naturalKey,
    stage: 'None',
    run_id: input.runId,
    source: folder,
    download_uri: folder,
    onnx_path: pathOfArtifactUri(`${folder}/model.onnx`) ?? null,
    onnx_uri: input.onnx.uri,
    onnx_sha256: input.onnx.sha256,
    onnx_bytes: input.onnx.bytes,
    description,
    owner,
    created_at: at,
    updated_at: at,
  });
  await writeVersionTags(trx, { model, version }, input.tags);
  await writeActivity(trx, {
    at,
    model,
    version,
    action: 'REGISTERED_VERSION',
    toStage: 'None',
    by: owner,
    comment: description,
  });
  return { model, version };
}

/** The first version that is trained for a model brings the model. */
async function insertOrTouchModel(trx: Knex, model: string, owner: string, at: string): Promise<void> {
  const touched = await trx('registered_models').where({ name: model }).update({ updated_at: at });
  if (touched > 0) return;
  await trx('registered_models').insert({ name: model, owner, created_at: at, updated_at: at });
  await writeActivity(trx, { at, model, action: 'CREATED_MODEL', by: owner });
}

/** One more than any number that the model ever gave out: those of deleted versions do not come again. */
export async function nextVersion(trx: Knex, model: string): Promise<number> {
  const last = await trx('model_versions').where({ model }).max<{ last: number | null }[]>({ last: 'version' });
  return Number(last[0]?.last ?? 0) + 1;
}

/** Where registry clients find the model that one of the engine's runs made: a folder with `MLmodel` and `model.onnx`. */
async function runModelFolder(trx: Knex, runId: string): Promise<string> {
  const run = await trx('runs').where({ id: runId }).first<{ artifact_uri: string }>('artifact_uri');
  return `${run.artifact_uri}/model`;
}

async function withNotes(knex: Knex, version: ModelVersion): Promise<ModelVersionRecord> {
  const named = { model: version.model, version: version.version };
  const tags = await knex('model_version_tags')
    .where(named)
    .orderBy('key')
    .select<{ key: string; value: string }[]>('key', 'value');
  const comments = await knex('comments')
    .where(named)
    .orderBy('sequence')
    .select<{ id: string; author: string; comment: string; created_at: string }[]>('*');
  const aliases = (await knex('aliases').where(named).orderBy('alias').pluck('alias')) as string[];
  return {
    ...version,
    tags: Object.fromEntries(tags.map((tag) => [tag.key, tag.value])),
    comments: comments.map((c) => ({ id: c.id, author: c.author, comment: c.comment, createdAt: c.created_at })),
    aliases,
  };
}
