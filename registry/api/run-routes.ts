import { VIEW_TYPES } from '../tracking/experiments.ts';
import { RUN_STATUSES } from '../tracking/run-record.ts';
import type { Runs } from '../tracking/runs.ts';
import { maxResultsOf, runIdOf, tagsOf } from './field-rules.ts';
import { RestError } from './rest-errors.ts';
import type { RestCall, RestRoute } from './route.ts';
import { pageToken, runAnswer, runInfoAnswer, unlessEmpty } from './tracking-answers.ts';

const MOST_RESULTS = 50_000;
const RESULTS_BY_DEFAULT = 1_000;

/** `/mlflow/runs/…`: what makes, moves and finds runs. */
export function createRunRoutes(runs: Runs): RestRoute[] {
  const write = (name: string, handle: RestRoute['handle']): RestRoute => ({
    method: 'POST',
    path: `/mlflow/runs/${name}`,
    needs: 'contribute',
    handle,
  });
  return [
    write('create', async ({ fields }) => {
      const experimentId = fields.optionalId('experiment_id');
      if (experimentId === undefined || experimentId === '') {
        throw new RestError('BAD_REQUEST', "Missing value for required parameter 'experiment_id'.");
      }
      const run = await runs.createRun({
        experimentId,
        userId: fields.optionalText('user_id'),
        name: fields.optionalText('run_name'),
        startedMs: fields.optionalInteger('start_time'),
        tags: tagsOf(fields, 'tags'),
      });
      return { run: runAnswer(run, { outputs: false }) };
    }),
    write('update', async ({ fields }) => {
      const info = await runs.updateRun(runIdOf(fields), {
        status: fields.oneOf('status', RUN_STATUSES),
        endedMs: fields.optionalInteger('end_time'),
        name: fields.optionalText('run_name'),
      });
      return { run_info: runInfoAnswer(info) };
    }),
    write('delete', async ({ fields }) => {
      await runs.deleteRun(runIdOf(fields));
      return {};
    }),
    write('restore', async ({ fields }) => {
      await runs.restoreRun(runIdOf(fields));
      return {};
    }),
    {
      method: 'GET',
      path: '/mlflow/runs/get',
      needs: 'read',
      handle: async ({ fields }) => ({
        run: runAnswer(await runs.getRunRecord(runIdOf(fields)), { outputs: true }),
      }),
    },
    { method: 'POST', path: '/mlflow/runs/search', needs: 'read', handle: (call) => searchRuns(runs, call) },
  ];
}

async function searchRuns(runs: Runs, { fields }: RestCall): Promise<object> {
  const page = await runs.searchRuns({
    experimentIds: fields.ids('experiment_ids'),
    viewType: fields.oneOf('run_view_type', VIEW_TYPES) ?? 'ACTIVE_ONLY',
    maxResults: maxResultsOf(fields, MOST_RESULTS, RESULTS_BY_DEFAULT),
    pageToken: fields.optionalText('page_token'),
    filter: fields.optionalText('filter'),
    orderBy: fields.texts('order_by'),
  });
  const found = page.runs.map((run) => runAnswer(run, { outputs: true }));
  return { ...unlessEmpty('runs', found), ...pageToken(page) };
}
