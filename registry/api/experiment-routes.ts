import { VIEW_TYPES, type Experiments } from '../tracking/experiments.ts';
import type { RunInputs } from '../tracking/run-inputs.ts';
import { maxResultsOf, tagsOf } from './field-rules.ts';
import { missing, type Fields } from './fields.ts';
import type { RestRoute } from './route.ts';
import { experimentAnswer, pageToken, unlessEmpty } from './tracking-answers.ts';

const MOST_RESULTS = 50_000;
const LISTED_BY_DEFAULT = 1_000;

/** `/mlflow/experiments/…` */
export function createExperimentRoutes(experiments: Experiments, inputs: RunInputs): RestRoute[] {
  return [...readRoutes(experiments), ...writeRoutes(experiments), ...datasetRoutes(inputs)];
}

function readRoutes(experiments: Experiments): RestRoute[] {
  const search = async (fields: Fields, maxResults: number): Promise<object> => {
    const page = await experiments.searchExperiments({
      viewType: fields.oneOf('view_type', VIEW_TYPES) ?? 'ACTIVE_ONLY',
      maxResults,
      pageToken: fields.optionalText('page_token'),
      filter: fields.optionalText('filter'),
      orderBy: fields.texts('order_by'),
    });
    return { ...unlessEmpty('experiments', page.experiments.map(experimentAnswer)), ...pageToken(page) };
  };
  const searchRoute = (method: 'GET' | 'POST'): RestRoute => ({
    method,
    path: '/mlflow/experiments/search',
    needs: 'read',
    // MLflow's server demands the number, whatever its documents say.
    handle: async ({ fields }) => {
      if (!fields.has('max_results')) throw missing('max_results');
      return search(fields, maxResultsOf(fields, MOST_RESULTS, 0));
    },
  });
  return [
    searchRoute('GET'),
    searchRoute('POST'),
    {
      method: 'GET',
      path: '/mlflow/experiments/list',
      needs: 'read',
      handle: async ({ fields }) => search(fields, maxResultsOf(fields, MOST_RESULTS, LISTED_BY_DEFAULT)),
    },
    {
      method: 'GET',
      path: '/mlflow/experiments/get',
      needs: 'read',
      handle: async ({ fields }) => ({
        experiment: experimentAnswer(await experiments.getExperiment(fields.id('experiment_id'))),
      }),
    },
    {
      method: 'GET',
      path: '/mlflow/experiments/get-by-name',
      needs: 'read',
      handle: async ({ fields }) => ({
        experiment: experimentAnswer(await experiments.getExperimentByName(fields.text('experiment_name'))),
      }),
    },
  ];
}

function writeRoutes(experiments: Experiments): RestRoute[] {
  const post = (name: string, write: (fields: Fields) => Promise<object | void>): RestRoute => ({
    method: 'POST',
    path: `/mlflow/experiments/${name}`,
    needs: 'contribute',
    handle: async ({ fields }) => (await write(fields)) ?? {},
  });
  return [
    post('create', async (fields) => ({
      experiment_id: await experiments.createExperiment({
        name: fields.text('name'),
        artifactLocation: fields.optionalText('artifact_location') || undefined,
        tags: tagsOf(fields, 'tags'),
      }),
    })),
    post('delete', (fields) => experiments.deleteExperiment(fields.id('experiment_id'))),
    post('restore', (fields) => experiments.restoreExperiment(fields.id('experiment_id'))),
    post('update', (fields) => experiments.renameExperiment(fields.id('experiment_id'), fields.text('new_name'))),
    post('set-experiment-tag', (fields) =>
      experiments.setExperimentTag(fields.id('experiment_id'), {
        key: fields.text('key'),
        value: fields.optionalText('value') ?? '',
      }),
    ),
    post('delete-experiment-tag', (fields) =>
      experiments.deleteExperimentTag(fields.id('experiment_id'), fields.text('key')),
    ),
  ];
}

function datasetRoutes(inputs: RunInputs): RestRoute[] {
  // MLflow's server lacks the slash before its prefix, and its clients with it.
  return ['/mlflow/experiments/search-datasets', 'mlflow/experiments/search-datasets'].map((path) => ({
    method: 'POST',
    path,
    needs: 'read',
    handle: async ({ fields }) => {
      const found = await inputs.searchDatasets(fields.ids('experiment_ids'));
      const summaries = found.map(({ experimentId, name, digest, context }) => ({
        experiment_id: experimentId,
        name,
        digest,
        ...(context === null ? {} : { context }),
      }));
      return unlessEmpty('dataset_summaries', summaries);
    },
  }));
}
