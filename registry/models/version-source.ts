import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { requireVersion } from '../model-versions.ts';
import { readSource, type VersionSource } from './source-guard.ts';

/** What a client's version stands for, as columns of its row. */
export interface ResolvedSource {
  readonly download_uri: string | null;
  readonly run_id: string | null;
  readonly model_id: string | null;
  readonly onnx_uri: string | null;
  readonly onnx_sha256: string | null;
  readonly onnx_bytes: number | null;
  readonly onnx_path: string | null;
}

export interface SourceInput {
  readonly source: string;
  readonly runId: string | undefined;
  readonly loggedModelId: string | undefined;
}

interface LoggedModelRow {
  readonly id: string;
  readonly artifact_uri: string;
  readonly source_run_id: string | null;
}

const NO_FILE = { onnx_uri: null, onnx_sha256: null, onnx_bytes: null, onnx_path: null };

/**
 * Finds where a source leads to. The ONNX file behind it is looked up afterwards, since it may come later.
 *
 * @throws InvalidInput for a source that is refused, or that names a version or logged model that is not there
 * @throws UnknownResource for a run or logged model beside it that is not there
 */
export async function resolveSource(trx: Knex, input: SourceInput): Promise<ResolvedSource> {
  const source = readSource(input.source);
  const modelId = source.kind === 'logged-model' ? source.modelId : input.loggedModelId;
  const logged = modelId === undefined ? undefined : await findLoggedModel(trx, modelId, source);
  const runId = input.runId ?? logged?.source_run_id ?? undefined;
  if (runId !== undefined) await requireRunRow(trx, runId);
  const named = { run_id: runId ?? null, model_id: modelId ?? null };
  switch (source.kind) {
    case 'logged-model':
      return { ...named, ...NO_FILE, download_uri: logged?.artifact_uri ?? null };
    case 'version':
      return { ...named, ...(await copyOf(trx, input.source, source)) };
    case 'run': {
      const run = await requireRunRow(trx, source.runId);
      return {
        ...named,
        ...NO_FILE,
        download_uri: source.path === '' ? run.artifact_uri : `${run.artifact_uri}/${source.path}`,
      };
    }
    case 'artifacts':
      return { ...named, ...NO_FILE, download_uri: `mlflow-artifacts:/${source.path}` };
    case 'elsewhere':
      return { ...named, ...NO_FILE, download_uri: null };
  }
}

/** Notes on a logged model which versions were made of it, as MLflow's clients read it. */
export async function noteVersionOfLoggedModel(
  trx: Knex,
  modelId: string,
  name: string,
  version: number,
): Promise<void> {
  const key = 'mlflow.modelVersions';
  const tag = await trx('logged_model_tags')
    .where({ model_id: modelId, key })
    .first<{ value: string } | undefined>('value');
  const entry = `{"name": ${JSON.stringify(name)}, "version": ${version}}`;
  const before = /^\[(.+)\]$/.exec(tag?.value ?? '')?.[1];
  const value = before === undefined ? `[${entry}]` : `[${before}, ${entry}]`;
  await trx('logged_model_tags')
    .insert({ model_id: modelId, key, value })
    .onConflict(['model_id', 'key'])
    .merge(['value']);
}

async function findLoggedModel(trx: Knex, id: string, source: VersionSource): Promise<LoggedModelRow> {
  const row = await trx('logged_models').where({ id }).whereNull('deleted_at').first<LoggedModelRow | undefined>('*');
  if (row !== undefined) return row;
  const type = source.kind === 'logged-model' ? 'InvalidInput' : 'UnknownResource';
  throw new SuperstepError(type, `Invalid model version source: there is no logged model "${id}"`, { modelId: id });
}

async function requireRunRow(trx: Knex, id: string): Promise<{ readonly artifact_uri: string }> {
  const row = await trx('runs').where({ id }).first<{ artifact_uri: string } | undefined>('artifact_uri');
  if (row !== undefined) return row;
  throw new SuperstepError(
    'UnknownResource',
    `there is no run "${id}" in this environment; register a version where its run was logged`,
    { runId: id },
  );
}

/** A copy has its origin's location and file, whatever becomes of the origin. */
async function copyOf(
  trx: Knex,
  text: string,
  { model, version }: Extract<VersionSource, { kind: 'version' }>,
): Promise<Omit<ResolvedSource, 'run_id' | 'model_id'>> {
  const origin = await requireVersion(trx, model, version).catch((error: unknown) => {
    if (!(error instanceof SuperstepError) || error.type !== 'UnknownModel') throw error;
    throw new SuperstepError('InvalidInput', `Invalid model version source: "${text}" leads nowhere: ${error.message}`);
  });
  return {
    download_uri: origin.downloadUri ?? origin.source,
    onnx_uri: origin.onnx?.uri ?? null,
    onnx_sha256: origin.onnx?.sha256 ?? null,
    onnx_bytes: origin.onnx?.bytes ?? null,
    onnx_path: origin.onnxPath,
  };
}
