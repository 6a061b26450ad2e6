import type { LoggedModels } from '../logged-models/logged-models.ts';
import {
  LOGGED_MODEL_STATUSES,
  type LoggedModel,
  type LoggedModelMetric,
} from '../logged-models/read-logged-models.ts';
import { cleanArtifactPath } from '../artifact-paths.ts';
import { listBelow, type ArtifactRoutesDeps } from './artifact-routes.ts';
import { writeDouble } from './doubles.ts';
import { maxResultsOf, tagsOf } from './field-rules.ts';
import { missing, type Fields } from './fields.ts';
import type { RestRoute } from './route.ts';
import { pageToken, unlessEmpty } from './tracking-answers.ts';

export interface LoggedModelRoutesDeps extends ArtifactRoutesDeps {
  readonly loggedModels: LoggedModels;
}

const ROOT = '/mlflow/logged-models';
const MOST_RESULTS = 50_000;
const FOUND_BY_DEFAULT = 50;

/** `/mlflow/logged-models/…`, as MLflow 3's clients call them. */
export function createLoggedModelRoutes({ loggedModels, files, locations }: LoggedModelRoutesDeps): RestRoute[] {
  return [
    ...writeRoutes(loggedModels),
    {
      method: 'GET',
      path: `${ROOT}/:model_id`,
      needs: 'read',
      handle: async ({ fields }) => modelAnswer(await loggedModels.getLoggedModel(fields.text('model_id'))),
    },
    {
      method: 'POST',
      path: `${ROOT}/search`,
      needs: 'read',
      handle: ({ fields }) => search(loggedModels, fields),
    },
    {
      method: 'GET',
      path: `${ROOT}/:model_id/artifacts/directories`,
      needs: 'read',
      handle: async ({ fields }) => {
        const path = cleanArtifactPath(fields.optionalText('artifact_directory_path') ?? '');
        return listBelow(files, await locations.ofLoggedModel(fields.text('model_id')), path);
      },
    },
  ];
}

function writeRoutes(loggedModels: LoggedModels): RestRoute[] {
  const write = (
    method: RestRoute['method'],
    path: string,
    handle: (fields: Fields, modelId: string) => Promise<object | void>,
  ): RestRoute => ({
    method,
    path: `${ROOT}/:model_id${path}`,
    needs: 'contribute',
    handle: async ({ fields }) => (await handle(fields, fields.text('model_id'))) ?? {},
  });
  return [
    {
      method: 'POST',
      path: ROOT,
      needs: 'contribute',
      handle: async ({ fields }) =>
        modelAnswer(
          await loggedModels.createLoggedModel({
            experimentId: fields.id('experiment_id'),
            name: fields.optionalText('name') || undefined,
            modelType: fields.optionalText('model_type') || undefined,
            sourceRunId: fields.optionalId('source_run_id') || undefined,
            params: tagsOf(fields, 'params'),
            tags: tagsOf(fields, 'tags'),
          }),
        ),
    },
    write('PATCH', '', async (fields, modelId) => {
      const status = fields.oneOf('status', LOGGED_MODEL_STATUSES);
      if (status === undefined) throw missing('status');
      return modelAnswer(await loggedModels.setLoggedModelStatus(modelId, status));
    }),
    write('DELETE', '', (_fields, modelId) => loggedModels.deleteLoggedModel(modelId)),
    write('PATCH', '/tags', (fields, modelId) => loggedModels.setLoggedModelTags(modelId, tagsOf(fields, 'tags'))),
    write('DELETE', '/tags/:key', (fields, modelId) => loggedModels.deleteLoggedModelTag(modelId, fields.text('key'))),
    write('POST', '/params', (fields, modelId) => loggedModels.addLoggedModelParams(modelId, tagsOf(fields, 'params'))),
  ];
}

async function search(loggedModels: LoggedModels, fields: Fields): Promise<object> {
  const found = await loggedModels.searchLoggedModels({
    experimentIds: fields.ids('experiment_ids'),
    filter: fields.optionalText('filter'),
    datasets: fields.list('datasets').map((dataset) => ({
      name: dataset.text('dataset_name'),
      digest: dataset.optionalText('dataset_digest') || undefined,
    })),
    orderBy: fields.list('order_by').map((order) => ({
      fieldName: order.text('field_name'),
      ascending: order.optionalBoolean('ascending'),
      datasetName: order.optionalText('dataset_name') || undefined,
      datasetDigest: order.optionalText('dataset_digest') || undefined,
    })),
    maxResults: maxResultsOf(fields, MOST_RESULTS, FOUND_BY_DEFAULT),
    pageToken: fields.optionalText('page_token'),
  });
  return { ...unlessEmpty('models', found.models.map(answerOf)), ...pageToken(found) };
}

function modelAnswer(model: LoggedModel): object {
  return { model: answerOf(model) };
}

function answerOf(model: LoggedModel): object {
  return {
    info: {
      model_id: model.modelId,
      experiment_id: model.experimentId,
      name: model.name,
      creation_timestamp_ms: model.createdMs,
      last_updated_timestamp_ms: model.updatedMs,
      artifact_uri: model.artifactUri,
      status: model.status,
      ...unlessNull('model_type', model.modelType),
      ...unlessNull('source_run_id', model.sourceRunId),
      ...unlessNull('status_message', model.statusMessage),
      ...unlessEmpty('tags', model.tags),
    },
    data: {
      ...unlessEmpty('params', model.params),
      ...unlessEmpty(
        'metrics',
        model.metrics.map((metric) => metricAnswer(model.modelId, metric)),
      ),
    },
  };
}

function metricAnswer(modelId: string, metric: LoggedModelMetric): object {
  return {
    key: metric.key,
    value: writeDouble(metric.value),
    timestamp: metric.timestampMs,
    step: metric.step,
    ...unlessNull('dataset_name', metric.datasetName),
    ...unlessNull('dataset_digest', metric.datasetDigest),
    model_id: modelId,
    run_id: metric.runId,
  };
}

function unlessNull(name: string, value: string | null): object {
  return value === null ? {} : { [name]: value };
}
