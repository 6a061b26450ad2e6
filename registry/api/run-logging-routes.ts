import type { RunInputs } from '../tracking/run-inputs.ts';
import { atList, type LoggedMetric, type RunLogging } from '../tracking/run-logging.ts';
import { runIdOf, tagsOf } from './field-rules.ts';
import { missing, type Fields } from './fields.ts';
import type { RestRoute } from './route.ts';

/** `/mlflow/runs/…`: what runs are told. */
export function createRunLoggingRoutes(logging: RunLogging, inputs: RunInputs): RestRoute[] {
  const post = (name: string, write: (runId: string, fields: Fields) => Promise<void>): RestRoute => ({
    method: 'POST',
    path: `/mlflow/runs/${name}`,
    needs: 'contribute',
    handle: async ({ fields }) => {
      await write(runIdOf(fields), fields);
      return {};
    },
  });
  const nothing = { metrics: [], params: [], tags: [] };
  // A single value is named by its bare field.
  const bare = (): string => '';
  return [
    post('log-metric', (runId, fields) => logging.logBatch(runId, { ...nothing, metrics: [metricOf(fields)] }, bare)),
    post('log-parameter', (runId, fields) => logging.logBatch(runId, { ...nothing, params: [tagOf(fields)] }, bare)),
    post('set-tag', (runId, fields) => logging.logBatch(runId, { ...nothing, tags: [tagOf(fields)] }, bare)),
    post('delete-tag', (runId, fields) => logging.deleteTag(runId, fields.text('key'))),
    post('log-batch', (runId, fields) =>
      logging.logBatch(
        runId,
        {
          metrics: fields.list('metrics').map(metricOf),
          params: tagsOf(fields, 'params'),
          tags: tagsOf(fields, 'tags'),
        },
        atList,
      ),
    ),
    post('log-model', (runId, fields) => logging.recordModel(runId, fields.text('model_json'))),
    post('log-inputs', (runId, fields) =>
      inputs.logInputs(
        runId,
        fields.list('datasets').map((input) => ({ dataset: datasetOf(input), tags: tagsOf(input, 'tags') })),
        fields.list('models').map((model) => model.text('model_id')),
      ),
    ),
    post('outputs', (runId, fields) =>
      inputs.logOutputs(
        runId,
        fields.list('models').map((model) => ({
          modelId: model.text('model_id'),
          step: model.optionalInteger('step') ?? 0,
        })),
      ),
    ),
  ];
}

function tagOf(fields: Fields): { readonly key: string; readonly value: string } {
  return { key: fields.text('key'), value: fields.optionalText('value') ?? '' };
}

function metricOf(fields: Fields): LoggedMetric {
  return {
    key: fields.text('key'),
    value: fields.number('value'),
    timestampMs: fields.integer('timestamp'),
    step: fields.optionalInteger('step') ?? 0,
    modelId: fields.optionalText('model_id'),
    datasetName: fields.optionalText('dataset_name'),
    datasetDigest: fields.optionalText('dataset_digest'),
  };
}

function datasetOf(input: Fields) {
  const dataset = input.object('dataset');
  if (dataset === undefined) throw missing('dataset');
  return {
    name: dataset.text('name'),
    digest: dataset.text('digest'),
    sourceType: dataset.text('source_type'),
    source: dataset.text('source'),
    schema: dataset.optionalText('schema'),
    profile: dataset.optionalText('profile'),
  };
}
