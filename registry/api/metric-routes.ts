import type { MetricHistory, StepRange } from '../tracking/metric-history.ts';
import { maxResultsOf, runIdOf } from './field-rules.ts';
import { invalidValue, missing, type Fields } from './fields.ts';
import type { RestRoute } from './route.ts';
import { metricAnswer, pageToken, pointOfRunAnswer, unlessEmpty } from './tracking-answers.ts';

const MOST_RUNS = 100;
const MOST_POINTS = 25_000;
const MOST_STEPS = 2_500;

/** `/mlflow/metrics/…` */
export function createMetricRoutes(history: MetricHistory): RestRoute[] {
  const get = (name: string, read: (fields: Fields) => Promise<object>): RestRoute => ({
    method: 'GET',
    path: `/mlflow/metrics/${name}`,
    needs: 'read',
    handle: ({ fields }) => read(fields),
  });
  return [
    get('get-history', async (fields) => {
      const token = fields.optionalText('page_token');
      const page = await history.metricHistory(runIdOf(fields), fields.text('metric_key'), {
        ...(fields.has('max_results') ? { maxResults: maxResultsOf(fields, Number.MAX_SAFE_INTEGER, 1) } : {}),
        ...(token === undefined ? {} : { pageToken: token }),
      });
      return { ...unlessEmpty('metrics', page.metrics.map(metricAnswer)), ...pageToken(page) };
    }),
    get('get-history-bulk', async (fields) => {
      const most = maxResultsOf(fields, MOST_POINTS, MOST_POINTS);
      const points = await history.metricHistories(runIdsOf(fields, 'run_id'), fields.text('metric_key'), most);
      return { metrics: points.map(pointOfRunAnswer) };
    }),
    get('get-history-bulk-interval', async (fields) => {
      const points = await history.metricIntervals(runIdsOf(fields, 'run_ids'), fields.text('metric_key'), {
        range: rangeOf(fields),
        most: maxResultsOf(fields, MOST_STEPS, MOST_STEPS),
      });
      return unlessEmpty('metrics', points.map(pointOfRunAnswer));
    }),
  ];
}

function runIdsOf(fields: Fields, name: string): readonly string[] {
  const ids = fields.ids(name);
  if (ids.length === 0) throw missing(name);
  if (ids.length > MOST_RUNS) throw invalidValue(name, ids.length, `at most ${MOST_RUNS} run ids`);
  return ids;
}

function rangeOf(fields: Fields): StepRange | undefined {
  const from = fields.optionalInteger('start_step');
  const to = fields.optionalInteger('end_step');
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined) throw missing('start_step');
  if (to === undefined) throw missing('end_step');
  if (from > to) throw invalidValue('end_step', to, `at least start_step, which is ${from}`);
  return { from, to };
}
