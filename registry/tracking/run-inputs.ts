import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RegistryDatabase } from '../database.ts';
import { insertRows } from './insert-rows.ts';
import type { Dataset, DatasetInput } from './run-record.ts';
import { requireOpenRun, runScope } from './runs.ts';
import { experimentNumber, requireLength } from './tracking-rules.ts';

export interface DatasetSummary {
  readonly experimentId: string;
  readonly name: string;
  readonly digest: string;
  readonly context: string | null;
}

export interface ModelOutput {
  readonly modelId: string;
  readonly step: number;
}

const MOST_INPUTS = 1_000;
const MOST_SUMMARIES = 1_000;
const CONTEXT_TAG = 'mlflow.data.context';
const LONGEST_MODEL_ID = 255;

/** What runs read and made: datasets and logged models. */
export function createRunInputs({ db }: { readonly db: RegistryDatabase }) {
  return {
    /** @throws InvalidInput, UnknownResource, NotAuthorized for a run of a workflow */
    logInputs: async (runId: string, datasets: readonly DatasetInput[], modelIds: readonly string[]): Promise<void> => {
      requireAtMost(datasets.length, 'datasets');
      requireAtMost(modelIds.length, 'models');
      datasets.forEach((input, i) => requireDatasetInput(input, `datasets[${i}].`));
      modelIds.forEach((id, i) => requireLength(id, LONGEST_MODEL_ID, `models[${i}].model_id`));
      // In one order whoever writes: two runs that read the same datasets never wait for each other in a circle.
      const sorted = [...datasets].sort((a, b) => (keyOf(a.dataset) < keyOf(b.dataset) ? -1 : 1));
      const log = async (trx: Knex): Promise<void> => {
        const { experiment_id } = await requireOpenRun(trx, runId);
        for (const input of sorted) await addDataset(trx, runId, experiment_id, input);
        const rows = modelIds.map((modelId) => [runId, modelId]);
        await insertRows(trx, 'run_model_inputs', ['run_id', 'model_id'], rows, 'on conflict do nothing');
      };
      return db.write(log, { scope: runScope(runId) });
    },

    /** @throws InvalidInput, UnknownResource, NotAuthorized for a run of a workflow */
    logOutputs: async (runId: string, outputs: readonly ModelOutput[]): Promise<void> => {
      requireAtMost(outputs.length, 'models');
      outputs.forEach(({ modelId }, i) => requireLength(modelId, LONGEST_MODEL_ID, `models[${i}].model_id`));
      const steps = new Map(outputs.map(({ modelId, step }) => [modelId, step]));
      const log = async (trx: Knex): Promise<void> => {
        await requireOpenRun(trx, runId);
        const rows = [...steps].map(([modelId, step]) => [runId, modelId, step]);
        const then = 'on conflict (run_id, model_id) do update set step = excluded.step';
        await insertRows(trx, 'run_model_outputs', ['run_id', 'model_id', 'step'], rows, then);
      };
      return db.write(log, { scope: runScope(runId) });
    },

    /** The datasets that runs of the experiments read, and for what. */
    searchDatasets: async (experimentIds: readonly string[]): Promise<DatasetSummary[]> => {
      const ids = experimentIds.map(experimentNumber);
      return db.read(async (knex) => {
        const rows = await knex('datasets')
          .join('run_datasets', 'run_datasets.dataset_id', 'datasets.id')
          .leftJoin('run_dataset_tags as context', (join) =>
            join
              .on('context.dataset_id', 'run_datasets.dataset_id')
              .andOn('context.run_id', 'run_datasets.run_id')
              .andOnVal('context.key', CONTEXT_TAG),
          )
          .whereIn('experiment_id', ids)
          .distinct<SummaryRow[]>('experiment_id', 'name', 'digest', 'context.value as context')
          .orderBy(['experiment_id', 'name', 'digest', 'context'])
          .limit(MOST_SUMMARIES);
        return rows.map(({ experiment_id, ...summary }) => ({ ...summary, experimentId: String(experiment_id) }));
      });
    },
  };
}

export type RunInputs = ReturnType<typeof createRunInputs>;

interface SummaryRow {
  readonly experiment_id: number;
  readonly name: string;
  readonly digest: string;
  readonly context: string | null;
}

function keyOf({ name, digest }: Dataset): string {
  return `${name}\n${digest}`;
}

function requireAtMost(found: number, at: string): void {
  if (found <= MOST_INPUTS) return;
  throw new SuperstepError('InvalidInput', `'${at}' may hold at most ${MOST_INPUTS} at once; found ${found}`);
}

function requireDatasetInput({ dataset, tags }: DatasetInput, at: string): void {
  requireLength(dataset.name, 500, `${at}dataset.name`);
  requireLength(dataset.digest, 36, `${at}dataset.digest`);
  requireLength(dataset.source, 65_535, `${at}dataset.source`);
  requireLength(dataset.schema ?? '', 1_048_575, `${at}dataset.schema`);
  requireLength(dataset.profile ?? '', 16_777_215, `${at}dataset.profile`);
  requireAtMost(tags.length, `${at}tags`);
  tags.forEach(({ key, value }, i) => {
    requireLength(key, 255, `${at}tags[${i}].key`);
    requireLength(value, 500, `${at}tags[${i}].value`);
  });
}

async function addDataset(trx: Knex, runId: string, experimentId: number, input: DatasetInput): Promise<void> {
  const datasetId = await idOf(trx, experimentId, input.dataset);
  await trx('run_datasets').insert({ run_id: runId, dataset_id: datasetId }).onConflict().ignore();
  const tags = new Map(input.tags.map(({ key, value }) => [key, value]));
  await insertRows(
    trx,
    'run_dataset_tags',
    ['run_id', 'dataset_id', 'key', 'value'],
    [...tags].map(([key, value]) => [runId, datasetId, key, value]),
    'on conflict (run_id, dataset_id, key) do update set value = excluded.value',
  );
}

/** Name and digest say which dataset it is: the first description of it stays. */
async function idOf(trx: Knex, experimentId: number, dataset: Dataset): Promise<number> {
  const key = { experiment_id: experimentId, name: dataset.name, digest: dataset.digest };
  await trx('datasets')
    .insert({
      ...key,
      source_type: dataset.sourceType,
      source: dataset.source,
      schema: dataset.schema ?? null,
      profile: dataset.profile ?? null,
    })
    .onConflict(['experiment_id', 'name', 'digest'])
    .ignore();
  return (await trx('datasets').where(key).first<{ id: number } | undefined>('id'))?.id ?? Number.NaN;
}
