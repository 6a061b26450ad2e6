import type { Knex } from 'knex';
import type { Tag } from './experiments.ts';

/** The states of a run, in the order of their numbers in MLflow's protocol. */
export const RUN_STATUSES = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const RUN_NAME_TAG = 'mlflow.runName';

export interface RunInfo {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly userId: string;
  readonly status: string;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly artifactUri: string;
  readonly lifecycleStage: 'active' | 'deleted';
}

export interface MetricPoint {
  readonly key: string;
  readonly value: number;
  readonly timestampMs: number;
  readonly step: number;
}

export interface Dataset {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema?: string | undefined;
  readonly profile?: string | undefined;
}

export interface DatasetInput {
  readonly dataset: Dataset;
  readonly tags: readonly Tag[];
}

/** A run with all that hangs on it; of each metric the latest value. */
export interface RunRecord {
  readonly info: RunInfo;
  readonly metrics: readonly MetricPoint[];
  readonly params: readonly Tag[];
  readonly tags: readonly Tag[];
  readonly datasetInputs: readonly DatasetInput[];
  readonly modelInputs: readonly string[];
  readonly modelOutputs: readonly { readonly modelId: string; readonly step: number }[];
}

export interface RunRow {
  readonly id: string;
  readonly natural_key: string | null;
  readonly experiment_id: number;
  readonly name: string;
  readonly user_id: string;
  readonly status: string;
  readonly lifecycle_stage: 'active' | 'deleted';
  readonly started_ms: number;
  readonly ended_ms: number | null;
  readonly artifact_uri: string;
}

/** Of the table `runs`. */
export const RUN_COLUMNS = [
  'id',
  'natural_key',
  'experiment_id',
  'name',
  'user_id',
  'status',
  'lifecycle_stage',
  'started_ms',
  'ended_ms',
  'artifact_uri',
].map((column) => `runs.${column}`);

export function runInfoOf(row: RunRow): RunInfo {
  return {
    runId: row.id,
    experimentId: String(row.experiment_id),
    name: row.name,
    userId: row.user_id,
    status: row.status,
    startedMs: row.started_ms,
    endedMs: row.ended_ms,
    artifactUri: row.artifact_uri,
    lifecycleStage: row.lifecycle_stage,
  };
}

/** SQLite binds some ten thousand values in a statement; pages are longer. */
const RUNS_PER_QUERY = 1_000;

/** All that hangs on the runs, in their order, by as many queries for a thousand runs as for one. */
export async function completeRuns(knex: Knex, rows: readonly RunRow[]): Promise<RunRecord[]> {
  const records: RunRecord[] = [];
  for (let i = 0; i < rows.length; i += RUNS_PER_QUERY) {
    records.push(...(await completePage(knex, rows.slice(i, i + RUNS_PER_QUERY))));
  }
  return records;
}

async function completePage(knex: Knex, rows: readonly RunRow[]): Promise<RunRecord[]> {
  const ids = rows.map(({ id }) => id);
  const of = async <T>(table: string, ...columns: string[]): Promise<(T & OfRun)[]> => {
    const rows: unknown = await knex(table)
      .whereIn('run_id', ids)
      .orderBy(columns.slice(0, 1))
      .select('run_id', ...columns);
    return rows as (T & OfRun)[];
  };
  const metrics = byRun(await of<MetricRow>('latest_metrics', 'key', 'value', 'is_nan', 'timestamp_ms', 'step'));
  const params = byRun(await of<Tag>('params', 'key', 'value'));
  const tags = byRun(await of<Tag>('tags', 'key', 'value'));
  const datasets = await datasetInputsOf(knex, ids);
  const own = byRun(await of<OwnInput>('run_inputs', 'name', 'digest', 'content'));
  const modelInputs = byRun(await of<{ model_id: string }>('run_model_inputs', 'model_id'));
  const modelOutputs = byRun(await of<{ model_id: string; step: number }>('run_model_outputs', 'model_id', 'step'));
  return rows.map((row) => ({
    info: runInfoOf(row),
    metrics: (metrics.get(row.id) ?? []).map(metricPointOf),
    params: (params.get(row.id) ?? []).map(({ key, value }) => ({ key, value })),
    tags: (tags.get(row.id) ?? []).map(({ key, value }) => ({ key, value })),
    datasetInputs: [...(datasets.get(row.id) ?? []), ...(own.get(row.id) ?? []).map(ownInput)],
    modelInputs: (modelInputs.get(row.id) ?? []).map((input) => input.model_id),
    modelOutputs: (modelOutputs.get(row.id) ?? []).map(({ model_id, step }) => ({ modelId: model_id, step })),
  }));
}

interface OfRun {
  readonly run_id: string;
}

export interface MetricRow {
  readonly key: string;
  readonly value: number;
  readonly is_nan: number | boolean;
  readonly timestamp_ms: number;
  readonly step: number;
}

export function metricPointOf(row: MetricRow): MetricPoint {
  const value = row.is_nan ? Number.NaN : row.value;
  return { key: row.key, value, timestampMs: row.timestamp_ms, step: row.step };
}

interface OwnInput {
  readonly name: string;
  readonly digest: string;
  readonly content: string;
}

/** What this engine's own workflows read, in the words that clients have for it. */
function ownInput({ name, digest, content }: OwnInput): DatasetInput {
  return { dataset: { name, digest: digest.slice(0, 36), sourceType: 'superstep', source: content }, tags: [] };
}

interface DatasetRow extends OfRun {
  readonly dataset_id: number;
  readonly name: string;
  readonly digest: string;
  readonly source_type: string;
  readonly source: string;
  readonly schema: string | null;
  readonly profile: string | null;
}

async function datasetInputsOf(knex: Knex, ids: readonly string[]): Promise<Map<string, DatasetInput[]>> {
  const rows = await knex('run_datasets')
    .join('datasets', 'datasets.id', 'run_datasets.dataset_id')
    .whereIn('run_id', ids)
    .orderBy('dataset_id')
    .select<DatasetRow[]>('run_id', 'dataset_id', 'name', 'digest', 'source_type', 'source', 'schema', 'profile');
  const tagRows =
    rows.length === 0
      ? []
      : await knex('run_dataset_tags')
          .whereIn('run_id', ids)
          .orderBy('key')
          .select<(Tag & OfRun & { dataset_id: number })[]>('run_id', 'dataset_id', 'key', 'value');
  const tags = byRun(tagRows);
  return new Map(
    [...byRun(rows)].map(([runId, found]) => [
      runId,
      found.map((row) => ({
        dataset: {
          name: row.name,
          digest: row.digest,
          sourceType: row.source_type,
          source: row.source,
          ...(row.schema === null ? {} : { schema: row.schema }),
          ...(row.profile === null ? {} : { profile: row.profile }),
        },
        tags: (tags.get(runId) ?? [])
          .filter((tag) => tag.dataset_id === row.dataset_id)
          .map(({ key, value }) => ({ key, value })),
      })),
    ]),
  );
}

function byRun<T extends OfRun>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.run_id);
    if (group === undefined) groups.set(row.run_id, [row]);
    else group.push(row);
  }
  return groups;
}
