import { type GraphQLError, graphql, Kind, parse, validate, type DocumentNode } from 'graphql';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import { restErrorOf } from '../rest-errors.ts';
import { buildUiSchema } from './graphql-schema.ts';

/** Answers a call of the REST face, as it would answer over HTTP, with the rights of whoever asks here. */
export type AskRest = (method: 'GET' | 'POST', path: string, input: object) => Promise<Record<string, unknown>>;

export interface UiQuery {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName?: string | undefined;
}

const LONGEST_QUERY = 20_000;
/** The UI's own queries ask for one field of the root each; aliases of many would be a way to ask for everything at once. */
const MOST_ROOT_FIELDS = 4;

const schema = buildUiSchema();

/**
 * Answers one of the queries that MLflow's web UI sends. Each root field is a REST call; a REST error becomes the
 * field's `apiError`, as the UI expects.
 *
 * @throws SuperstepError `InvalidInput` for what is not one query of the schema
 */
export async function answerUiQuery(ask: AskRest, { query, variables, operationName }: UiQuery): Promise<object> {
  requireAnswerable(query);
  const rootValue = Object.fromEntries(
    Object.entries(ROOT_FIELDS).map(([field, answer]) => [
      field,
      ({ input }: { readonly input?: Record<string, unknown> }) => answering(() => answer(ask, input ?? {})),
    ]),
  );
  const result = await graphql({
    schema,
    source: query,
    rootValue,
    variableValues: variables,
    ...(operationName === undefined ? {} : { operationName }),
    fieldResolver: (source: Record<string, unknown>, args, _context, { fieldName, returnType }) => {
      const value = source[fieldName] ?? source[snakeCase(fieldName)];
      if (typeof value === 'function') return (value as (args: unknown) => unknown)(args);
      // GraphQL's Float knows no NaN; REST writes it as text, and the UI shows a gap for null.
      return String(returnType) === 'Float' && !Number.isFinite(value) ? null : value;
    },
  });
  return { data: result.data ?? null, ...(result.errors === undefined ? {} : { errors: result.errors.map(shown) }) };
}

function requireAnswerable(query: string): void {
  if (query.length > LONGEST_QUERY) {
    throw new SuperstepError('InvalidInput', `the query has ${query.length} characters; at most ${LONGEST_QUERY}`);
  }
  let document: DocumentNode;
  try {
    document = parse(query, { maxTokens: 2_000 });
  } catch (error) {
    throw new SuperstepError('InvalidInput', `the query cannot be read: ${(error as Error).message}`);
  }
  const [operation, ...others] = document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  if (operation === undefined || others.length > 0) {
    throw new SuperstepError('InvalidInput', `expected one query, found ${others.length + (operation ? 1 : 0)}`);
  }
  const { selections } = operation.selectionSet;
  if (selections.some(({ kind }) => kind !== Kind.FIELD)) {
    throw new SuperstepError('InvalidInput', 'the query hides what it asks for in a fragment; name its fields');
  }
  const fields = selections.length;
  if (fields > MOST_ROOT_FIELDS) {
    throw new SuperstepError(
      'InvalidInput',
      `the query asks for ${fields} things at once; at most ${MOST_ROOT_FIELDS}`,
    );
  }
  const [fault] = validate(schema, document);
  if (fault !== undefined) throw new SuperstepError('InvalidInput', `the query does not fit: ${fault.message}`);
}

type Answer = (ask: AskRest, input: Readonly<Record<string, unknown>>) => Promise<object>;

const ROOT_FIELDS: Readonly<Record<string, Answer>> = {
  mlflowGetExperiment: (ask, { experimentId }) =>
    ask('GET', '/mlflow/experiments/get', { experiment_id: experimentId }),
  mlflowGetRun: async (ask, { runId, runUuid }) => {
    const { run } = await ask('GET', '/mlflow/runs/get', { run_id: runId ?? runUuid });
    return { run: withNeighbours(ask, run as Record<string, unknown>) };
  },
  mlflowSearchRuns: async (ask, input) => {
    const { runs = [], ...page } = await ask('POST', '/mlflow/runs/search', input);
    return { ...page, runs: (runs as Record<string, unknown>[]).map((run) => withNeighbours(ask, run)) };
  },
  mlflowGetMetricHistoryBulkInterval: (ask, input) => ask('GET', '/mlflow/metrics/get-history-bulk-interval', input),
};

/** A run with its experiment and the versions made from it, each asked for only when the query names it. */
function withNeighbours(ask: AskRest, run: Record<string, unknown>): object {
  const { experiment_id: experimentId, run_id: runId } = run['info'] as Record<string, unknown>;
  return {
    ...run,
    experiment: async () =>
      (await ask('GET', '/mlflow/experiments/get', { experiment_id: experimentId }))['experiment'],
    modelVersions: async () =>
      (await ask('GET', '/mlflow/model-versions/search', { filter: `run_id='${String(runId)}'` }))['model_versions'] ??
      [],
  };
}

async function answering(answer: () => Promise<object>): Promise<object> {
  try {
    return await answer();
  } catch (error) {
    const { error_code: code, message } = restErrorOf(error).body;
    return { apiError: { code, message } };
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function shown({ message, path }: GraphQLError): object {
  return { message, ...(path === undefined ? {} : { path }) };
}
