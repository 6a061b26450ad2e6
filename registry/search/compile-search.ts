import type { Knex } from 'knex';
import type { Condition } from './comparisons.ts';
import { conditionsOf, entityOf, ownersOf } from './conditions.ts';
import { parseFilter, parseOrderBy } from './filter-grammar.ts';
import { metricWalk } from './metric-walk.ts';
import { orderOf, type SearchOrder } from './order.ts';
import {
  EXPERIMENTS,
  LOGGED_MODELS,
  MODEL_VERSIONS,
  REGISTERED_MODELS,
  RUNS,
  type SearchTable,
} from './search-tables.ts';
import { invalidSearch, requireSearchable } from './tokens.ts';

export interface SearchInput {
  readonly filter?: string | undefined;
  /** `metrics.auc DESC`, one text a term. */
  readonly orderBy?: readonly string[] | undefined;
}

export interface LoggedModelSearchInput {
  readonly filter?: string | undefined;
  /** Only metrics of any of these count; without a clause on metrics, the models that have one. */
  readonly datasets?: readonly { readonly name: string; readonly digest?: string | undefined }[] | undefined;
  readonly orderBy?: readonly LoggedModelOrder[] | undefined;
}

export interface LoggedModelOrder {
  /** `metrics.acc`, `creation_timestamp`; a key needs no quotes here. */
  readonly fieldName: string;
  /** The default is true. */
  readonly ascending?: boolean | undefined;
  /** Only with metrics: of which dataset. */
  readonly datasetName?: string | undefined;
  readonly datasetDigest?: string | undefined;
}

/**
 * Adds conditions and order to a query over the searched table, under the table's own name:
 *
 *     const apply = compileRunSearch({ filter, orderBy });
 *     const query = knex('runs').select('runs.*').whereIn('runs.experiment_id', ids).limit(n).offset(m);
 *     apply(query);
 *     const rows = await query;
 *
 * Every value is bound. Rows stay single, and other conditions stay the caller's: under the tables' names, since a
 * search may join one.
 */
export type ApplySearch = (query: Knex.QueryBuilder) => void;

/**
 * Search over `runs`.
 * @throws InvalidInput, at once, for a filter or an order that the grammar refuses
 */
export function compileRunSearch(input: SearchInput): ApplySearch {
  return compile(RUNS, input);
}

/**
 * Search over `experiments`.
 * @throws InvalidInput
 */
export function compileExperimentSearch(input: SearchInput): ApplySearch {
  return compile(EXPERIMENTS, input);
}

/**
 * Search over `registered_models`; prompts are left out unless the filter names their tag.
 * @throws InvalidInput
 */
export function compileRegisteredModelSearch(input: SearchInput): ApplySearch {
  return compile(REGISTERED_MODELS, input);
}

/**
 * Search over `model_versions`; those of prompts are left out unless the filter names their tag.
 * @throws InvalidInput
 */
export function compileModelVersionSearch(input: SearchInput): ApplySearch {
  return compile(MODEL_VERSIONS, input);
}

/**
 * Search over `logged_models`. Its metrics are rows of `metrics`: a clause holds when any value of the key does, the
 * order is by the latest.
 * @throws InvalidInput
 */
export function compileLoggedModelSearch(input: LoggedModelSearchInput): ApplySearch {
  const table = LOGGED_MODELS;
  const clauses = parseFilter(input.filter ?? '');
  const ofDatasets = anyDataset(input.datasets ?? []);
  const conditions = conditionsOf(table, clauses, ofDatasets);
  const asksMetrics = clauses.some(({ left }) => entityOf(left, table, 'filter') === 'metric');
  if (ofDatasets !== undefined && table.metrics !== undefined && !asksMetrics)
    conditions.push(ownersOf(table, table.metrics, [ofDatasets]));
  return all([...conditions, orderOf(table, (input.orderBy ?? []).map(loggedModelTerm))]);
}

function compile(table: SearchTable, { filter, orderBy }: SearchInput): ApplySearch {
  const clauses = parseFilter(filter ?? '');
  const terms = parseOrderBy(orderBy ?? []);
  const walk = metricWalk(table, clauses, terms);
  const others = clauses.filter((clause) => walk?.clauses.includes(clause) !== true);
  const conditions = [...(walk === undefined ? [] : [walk.join]), ...conditionsOf(table, others)];
  return all([...conditions, orderOf(table, terms, walk?.order)]);
}

function all(conditions: readonly Condition[]): ApplySearch {
  return (query) => {
    for (const condition of conditions) condition(query);
  };
}

const MOST_DATASETS = 100;

function anyDataset(datasets: NonNullable<LoggedModelSearchInput['datasets']>): Condition | undefined {
  if (datasets.length === 0) return undefined;
  if (datasets.length > MOST_DATASETS)
    throw invalidSearch('datasets', `found ${datasets.length}, expected at most ${MOST_DATASETS}; ask in parts`);
  for (const { name, digest } of datasets) [name, digest ?? ''].forEach((text) => requireSearchable(text, 'datasets'));
  return (query) =>
    query.where((any) => {
      for (const { name, digest } of datasets)
        any.orWhere({
          'metrics.dataset_name': name,
          ...(digest === undefined ? {} : { 'metrics.dataset_digest': digest }),
        });
    });
}

function loggedModelTerm(order: LoggedModelOrder): SearchOrder {
  const { fieldName, ascending, datasetName, datasetDigest } = order;
  for (const text of [fieldName, datasetName ?? '', datasetDigest ?? '']) requireSearchable(text, 'order_by');
  const dot = fieldName.indexOf('.');
  const dataset =
    datasetName === undefined && datasetDigest === undefined
      ? {}
      : { dataset: { name: datasetName, digest: datasetDigest } };
  return {
    entity: dot === -1 ? null : fieldName.slice(0, dot),
    key: fieldName.slice(dot + 1).replace(/^`(.*)`$|^"(.*)"$/su, '$1$2'),
    descending: ascending === false,
    ...dataset,
  };
}
