import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Tag } from '../tracking/experiments.ts';

/** The states of a logged model, in the order of their numbers in MLflow's protocol. */
export const LOGGED_MODEL_STATUSES = [
  'LOGGED_MODEL_PENDING',
  'LOGGED_MODEL_READY',
  'LOGGED_MODEL_UPLOAD_FAILED',
] as const;
export type LoggedModelStatus = (typeof LOGGED_MODEL_STATUSES)[number];

/** A value that was measured for a logged model, by some run. */
export interface LoggedModelMetric {
  readonly key: string;
  readonly value: number;
  readonly timestampMs: number;
  readonly step: number;
  readonly datasetName: string | null;
  readonly datasetDigest: string | null;
  readonly runId: string;
}

/** A model as MLflow 3 logs it: an artifact folder with a name, params, tags and metrics of its own. */
export interface LoggedModel {
  readonly modelId: string;
  readonly experimentId: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly artifactUri: string;
  readonly status: LoggedModelStatus;
  readonly modelType: string | null;
  readonly sourceRunId: string | null;
  readonly statusMessage: string | null;
  readonly params: readonly Tag[];
  readonly tags: readonly Tag[];
  /** The latest of each key, dataset and run. */
  readonly metrics: readonly LoggedModelMetric[];
}

export interface LoggedModelRow {
  readonly id: string;
  readonly experiment_id: number;
  readonly name: string;
  readonly created_ms: number;
  readonly updated_ms: number;
  readonly artifact_uri: string;
  readonly status: LoggedModelStatus;
  readonly model_type: string | null;
  readonly source_run_id: string | null;
  readonly status_message: string | null;
}

interface KeyedRow extends Tag {
  readonly model_id: string;
}

interface MetricRow {
  readonly model_id: string;
  readonly run_id: string;
  readonly key: string;
  readonly value: number;
  readonly is_nan: number | boolean;
  readonly timestamp_ms: number;
  readonly step: number;
  readonly dataset_name: string | null;
  readonly dataset_digest: string | null;
}

/** Ids in one statement: what both databases take. */
const IDS_AT_ONCE = 500;

/** @throws UnknownResource for one that never was, or is deleted */
export async function requireLoggedModel(knex: Knex, modelId: string): Promise<LoggedModelRow> {
  const row = await knex('logged_models')
    .where({ id: modelId })
    .whereNull('deleted_at')
    .first<LoggedModelRow | undefined>('*');
  if (row !== undefined) return row;
  throw new SuperstepError('UnknownResource', `Logged model with ID '${modelId.slice(0, 100)}' not found`, { modelId });
}

/** Rows of `logged_models` with all that hangs on them, in their order. */
export async function withDetails(knex: Knex, rows: readonly LoggedModelRow[]): Promise<LoggedModel[]> {
  const ids = rows.map(({ id }) => id);
  const params = byModel(await selectKeyed(knex, 'logged_model_params', ids));
  const tags = byModel(await selectKeyed(knex, 'logged_model_tags', ids));
  const metrics = byModel(await selectMetrics(knex, ids));
  return rows.map((row) => ({
    modelId: row.id,
    experimentId: String(row.experiment_id),
    name: row.name,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    artifactUri: row.artifact_uri,
    status: row.status,
    modelType: row.model_type,
    sourceRunId: row.source_run_id,
    statusMessage: row.status_message,
    params: (params.get(row.id) ?? []).map(({ key, value }) => ({ key, value })),
    tags: (tags.get(row.id) ?? []).map(({ key, value }) => ({ key, value })),
    metrics: (metrics.get(row.id) ?? []).map(metricFromRow),
  }));
}

function selectKeyed(knex: Knex, table: string, ids: readonly string[]): Promise<KeyedRow[]> {
  return inPieces(ids, (piece) =>
    knex(table).whereIn('model_id', piece).orderBy(['model_id', 'key']).select<KeyedRow[]>('model_id', 'key', 'value'),
  );
}

function selectMetrics(knex: Knex, ids: readonly string[]): Promise<MetricRow[]> {
  const place = knex.raw(
    `row_number() over (partition by model_id, key, run_id, dataset_name, dataset_digest
     order by step desc, timestamp_ms desc, value desc, is_nan desc) as place`,
  );
  return inPieces(ids, (piece) =>
    knex
      .from(knex('metrics').whereIn('model_id', piece).select('*', place).as('placed'))
      .where('place', 1)
      .orderBy(['model_id', 'key', 'run_id', 'dataset_name', 'dataset_digest'])
      .select<MetricRow[]>('*'),
  );
}

async function inPieces<T>(ids: readonly string[], select: (piece: string[]) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let i = 0; i < ids.length; i += IDS_AT_ONCE) found.push(...(await select(ids.slice(i, i + IDS_AT_ONCE))));
  return found;
}

function byModel<T extends { readonly model_id: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.model_id);
    if (group === undefined) groups.set(row.model_id, [row]);
    else group.push(row);
  }
  return groups;
}

function metricFromRow(row: MetricRow): LoggedModelMetric {
  return {
    key: row.key,
    value: row.is_nan ? Number.NaN : row.value,
    timestampMs: row.timestamp_ms,
    step: row.step,
    datasetName: row.dataset_name,
    datasetDigest: row.dataset_digest,
    runId: row.run_id,
  };
}
