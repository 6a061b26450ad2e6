import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RegistryDatabase } from '../database.ts';
import { DEEPEST_JSON, jsonDepth } from '../json-depth.ts';
import type { Tag } from './experiments.ts';
import { insertRows } from './insert-rows.ts';
import type { MetricPoint } from './run-record.ts';
import { requireActiveRun, requireOpenRun, runScope, setTags } from './runs.ts';
import { requireKey, requireLength, storedParam, storedTag } from './tracking-rules.ts';

export interface LoggedMetric extends MetricPoint {
  /** The logged model that it measures, and on which dataset. */
  readonly modelId?: string | undefined;
  readonly datasetName?: string | undefined;
  readonly datasetDigest?: string | undefined;
}

export interface Batch {
  readonly metrics: readonly LoggedMetric[];
  readonly params: readonly Tag[];
  readonly tags: readonly Tag[];
}

const MOST = { metrics: 1_000, params: 100, tags: 100 } as const;
const MOST_TOGETHER = 1_000;
const HISTORY_TAG = 'mlflow.log-model.history';
const LONGEST_HISTORY = 1_000_000;

/** What runs are told while they run. Each call is all or nothing. */
export function createRunLogging({ db }: { readonly db: RegistryDatabase }) {
  return {
    /**
     * Adds metrics, sets params and tags, in one transaction of a few statements whatever its size. `at` leads to the
     * batch's lists in errors: `metrics[0].` or, for a single value, nothing.
     *
     * @throws InvalidInput also for a param that has another value; UnknownResource; NotAuthorized for a run of a workflow
     */
    logBatch: async (runId: string, batch: Batch, at = atList): Promise<void> => {
      requireBatch(batch, at);
      const onlyTags = batch.metrics.length === 0 && batch.params.length === 0;
      const log = async (trx: Knex): Promise<void> => {
        await (onlyTags ? requireActiveRun : requireOpenRun)(trx, runId);
        await addParams(trx, runId, batch.params);
        await setTags(trx, runId, new Map(batch.tags.map(({ key, value }) => [key, storedTag(value)])));
        await addMetrics(trx, runId, batch.metrics);
      };
      await db.write(log, { scope: runScope(runId) });
    },

    deleteTag: (runId: string, key: string): Promise<void> => {
      const remove = async (trx: Knex): Promise<void> => {
        await requireActiveRun(trx, runId);
        if ((await trx('tags').where({ run_id: runId, key }).delete()) > 0) return;
        throw new SuperstepError('UnknownResource', `No tag with name: ${key.slice(0, 250)} in run with id ${runId}`);
      };
      return db.write(remove, { scope: runScope(runId) });
    },

    /** Adds a model's description to the run's history of them, as clients before MLflow 3 do. */
    recordModel: async (runId: string, modelJson: string): Promise<void> => {
      const model = readModelJson(modelJson);
      const record = async (trx: Knex): Promise<void> => {
        await requireActiveRun(trx, runId);
        const tag = await trx('tags').where({ run_id: runId, key: HISTORY_TAG }).first<{ value: string } | undefined>();
        const history = JSON.stringify([...readHistory(tag?.value), model]);
        requireLength(history, LONGEST_HISTORY, HISTORY_TAG);
        await setTags(trx, runId, new Map([[HISTORY_TAG, history]]));
      };
      return db.write(record, { scope: runScope(runId) });
    },
  };
}

export type RunLogging = ReturnType<typeof createRunLogging>;

export function atList(list: keyof Batch, i: number): string {
  return `${list}[${i}].`;
}

function requireBatch({ metrics, params, tags }: Batch, at: typeof atList): void {
  for (const [list, { length }] of Object.entries({ metrics, params, tags })) {
    const most = MOST[list as keyof Batch];
    if (length > most) throw tooMany(`${length} ${list}`, `${most}`);
  }
  const together = metrics.length + params.length + tags.length;
  if (together > MOST_TOGETHER) throw tooMany(`${together} metrics, params and tags`, `${MOST_TOGETHER}`);
  metrics.forEach((metric, i) => requireMetric(metric, at('metrics', i)));
  params.forEach(({ key }, i) => requireKey(key, `${at('params', i)}key`));
  tags.forEach(({ key }, i) => requireKey(key, `${at('tags', i)}key`));
  const keys = new Set<string>();
  for (const { key } of params) {
    if (keys.has(key)) throw new SuperstepError('InvalidInput', `Duplicate parameter keys have been submitted: ${key}`);
    keys.add(key);
  }
}

function tooMany(found: string, most: string): SuperstepError {
  return new SuperstepError('InvalidInput', `A batch logging request can contain at most ${most}; found ${found}`);
}

function requireMetric({ key, timestampMs }: LoggedMetric, at: string): void {
  requireKey(key, `${at}name`);
  if (timestampMs >= 0) return;
  throw new SuperstepError(
    'InvalidInput',
    `Invalid value ${timestampMs} for parameter '${at}timestamp' supplied: expected milliseconds, 0 or more`,
  );
}

async function addParams(trx: Knex, runId: string, params: readonly Tag[]): Promise<void> {
  if (params.length === 0) return;
  const stored = new Map(params.map(({ key, value }) => [key, storedParam(value)]));
  const found = await trx('params')
    .where({ run_id: runId })
    .whereIn('key', [...stored.keys()])
    .select<Tag[]>('key', 'value');
  for (const { key, value } of found) {
    const wanted = stored.get(key);
    if (wanted !== value) {
      throw new SuperstepError(
        'InvalidInput',
        `Changing param values is not allowed. Param with key='${key}' was already logged with value='${value.slice(0, 250)}' for run ID='${runId}'. Attempted logging new value '${wanted?.slice(0, 250)}'.`,
      );
    }
    stored.delete(key);
  }
  const rows = [...stored].map(([key, value]) => [runId, key, value]);
  await insertRows(trx, 'params', ['run_id', 'key', 'value'], rows, 'on conflict do nothing');
}

interface StoredMetric {
  readonly metric: LoggedMetric;
  readonly value: number;
  readonly isNan: boolean;
}

async function addMetrics(trx: Knex, runId: string, metrics: readonly LoggedMetric[]): Promise<void> {
  const stored = metrics.map((metric): StoredMetric => {
    const isNan = Number.isNaN(metric.value);
    const bounded = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, metric.value));
    // SQLite keeps -0 apart from 0 in a key; nobody else does.
    return { metric, isNan, value: isNan || bounded === 0 ? 0 : bounded };
  });
  // Most batches measure no logged model: a third of the values need not be sent.
  const plain = ['run_id', 'key', 'timestamp_ms', 'step', 'value', 'is_nan'];
  const ofModels = metrics.some(({ modelId, datasetName, datasetDigest }) => modelId || datasetName || datasetDigest);
  await insertRows(
    trx,
    'metrics',
    ofModels ? [...plain, 'model_id', 'dataset_name', 'dataset_digest'] : plain,
    stored.map(({ metric, value, isNan }) => {
      const row = [runId, metric.key, metric.timestampMs, metric.step, value, isNan];
      if (!ofModels) return row;
      return [...row, metric.modelId || null, metric.datasetName || null, metric.datasetDigest || null];
    }),
    'on conflict do nothing',
  );
  await insertRows(
    trx,
    'latest_metrics',
    ['run_id', 'key', 'step', 'timestamp_ms', 'value', 'is_nan'],
    latestOf(stored).map(({ metric, value, isNan }) => {
      return [runId, metric.key, metric.step, metric.timestampMs, value, isNan];
    }),
    `on conflict (run_id, key) do update set step = excluded.step, timestamp_ms = excluded.timestamp_ms,
       value = excluded.value, is_nan = excluded.is_nan
     where (excluded.step, excluded.timestamp_ms, excluded.value, excluded.is_nan) >
       (latest_metrics.step, latest_metrics.timestamp_ms, latest_metrics.value, latest_metrics.is_nan)`,
  );
}

/** Of each key the one with the greatest step, then timestamp, then value: a statement may touch a row once only. */
function latestOf(metrics: readonly StoredMetric[]): StoredMetric[] {
  const latest = new Map<string, StoredMetric>();
  for (const candidate of metrics) {
    const best = latest.get(candidate.metric.key);
    if (best === undefined || isLater(candidate, best)) latest.set(candidate.metric.key, candidate);
  }
  return [...latest.values()];
}

function isLater(a: StoredMetric, b: StoredMetric): boolean {
  const difference =
    a.metric.step - b.metric.step ||
    a.metric.timestampMs - b.metric.timestampMs ||
    Number(a.value > b.value) - Number(a.value < b.value) ||
    Number(a.isNan) - Number(b.isNan);
  return difference > 0;
}

const MODEL_FIELDS = ['run_id', 'artifact_path', 'utc_time_created', 'flavors'] as const;

/** What the history keeps of a model. */
function readModelJson(text: string): object {
  const model = parseJson(text);
  if (typeof model !== 'object' || model === null || Array.isArray(model)) {
    throw new SuperstepError('InvalidInput', `Malformed model info: expected a JSON object in 'model_json'`);
  }
  const fields = model as Readonly<Record<string, unknown>>;
  const absent = MODEL_FIELDS.filter((field) => !Object.hasOwn(fields, field));
  if (absent.length > 0) {
    throw new SuperstepError(
      'InvalidInput',
      `Model json is missing mandatory fields: ${absent.map((field) => `'${field}'`).join(', ')}`,
    );
  }
  const kept = Object.fromEntries(MODEL_FIELDS.map((field) => [field, fields[field]]));
  return { ...kept, model_uuid: fields['model_uuid'] ?? null };
}

/** The tag is a client's to set: what is no list is no history. */
function readHistory(value: string | undefined): readonly unknown[] {
  const history = value === undefined ? undefined : parseJson(value);
  return Array.isArray(history) ? (history as unknown[]) : [];
}

function parseJson(text: string): unknown {
  if (jsonDepth(text) > DEEPEST_JSON) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
