import { createExperiments, type ExperimentsDeps } from '../tracking/experiments.ts';
import { createMetricHistory } from '../tracking/metric-history.ts';
import { createRunInputs } from '../tracking/run-inputs.ts';
import { createRunLogging } from '../tracking/run-logging.ts';
import { createRuns } from '../tracking/runs.ts';
import { createExperimentRoutes } from './experiment-routes.ts';
import { createMetricRoutes } from './metric-routes.ts';
import type { RestRoute } from './route.ts';
import { createRunLoggingRoutes } from './run-logging-routes.ts';
import { createRunRoutes } from './run-routes.ts';

/** Experiments, runs and metrics, as MLflow's clients call them. */
export function createTrackingRoutes(deps: ExperimentsDeps): RestRoute[] {
  const inputs = createRunInputs(deps);
  return [
    ...createExperimentRoutes(createExperiments(deps), inputs),
    ...createRunRoutes(createRuns(deps)),
    ...createRunLoggingRoutes(createRunLogging(deps), inputs),
    ...createMetricRoutes(createMetricHistory(deps)),
  ];
}
