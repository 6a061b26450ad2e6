import { buildSchema, GraphQLScalarType, type GraphQLSchema } from 'graphql';

/**
 * The part of MLflow's GraphQL schema that its web UI asks for. Its answers are the REST answers under camelCase names;
 * whole numbers travel as text (`LongString`), since GraphQL's `Int` has 32 bits.
 */
const SCHEMA = `
  directive @component(name: String!) on QUERY | MUTATION
  scalar LongString

  type Query {
    mlflowGetExperiment(input: MlflowGetExperimentInput): GetExperimentAnswer
    mlflowGetRun(input: MlflowGetRunInput): GetRunAnswer
    mlflowSearchRuns(input: MlflowSearchRunsInput): SearchRunsAnswer
    mlflowGetMetricHistoryBulkInterval(input: MlflowGetMetricHistoryBulkIntervalInput): MetricHistoryAnswer
  }

  input MlflowGetExperimentInput { experimentId: String }
  input MlflowGetRunInput { runId: String, runUuid: String }
  input MlflowSearchRunsInput {
    experimentIds: [String], filter: String, runViewType: String, maxResults: Int, orderBy: [String], pageToken: String
  }
  input MlflowGetMetricHistoryBulkIntervalInput {
    runIds: [String], metricKey: String, startStep: Int, endStep: Int, maxResults: Int
  }

  type ApiError { code: String, message: String, helpUrl: String }
  type GetExperimentAnswer { experiment: Experiment, apiError: ApiError }
  type GetRunAnswer { run: Run, apiError: ApiError }
  type SearchRunsAnswer { runs: [Run!], nextPageToken: String, apiError: ApiError }
  type MetricHistoryAnswer { metrics: [RunMetric!], apiError: ApiError }

  type KeyValue { key: String, value: String }
  type Experiment {
    experimentId: String, name: String, artifactLocation: String, lifecycleStage: String,
    lastUpdateTime: LongString, creationTime: LongString, tags: [KeyValue!]
  }
  type Run {
    info: RunInfo, data: RunData, inputs: RunInputs, outputs: RunOutputs,
    experiment: Experiment, modelVersions: [ModelVersion!]
  }
  type RunInfo {
    runId: String, runUuid: String, runName: String, experimentId: String, userId: String, status: String,
    startTime: LongString, endTime: LongString, artifactUri: String, lifecycleStage: String
  }
  type RunData { metrics: [Metric!], params: [KeyValue!], tags: [KeyValue!] }
  type Metric { key: String, value: Float, timestamp: LongString, step: LongString }
  type RunMetric { key: String, value: Float, timestamp: LongString, step: LongString, runId: String }
  type RunInputs { datasetInputs: [DatasetInput!], modelInputs: [ModelInput!] }
  type RunOutputs { modelOutputs: [ModelOutput!] }
  type DatasetInput { dataset: Dataset, tags: [KeyValue!] }
  type Dataset { name: String, digest: String, sourceType: String, source: String, schema: String, profile: String }
  type ModelInput { modelId: String }
  type ModelOutput { modelId: String, step: LongString }
  type ModelVersion {
    name: String, version: String, status: String, source: String, runId: String, creationTimestamp: LongString
  }
`;

/** Builds the schema; its fields read the snake_case names of REST answers. */
export function buildUiSchema(): GraphQLSchema {
  const schema = buildSchema(SCHEMA);
  const whole = schema.getType('LongString');
  if (whole instanceof GraphQLScalarType) whole.serialize = String;
  return schema;
}
