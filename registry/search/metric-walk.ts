import { metricComparison, type Condition } from './comparisons.ts';
import { entityOf, ofKey } from './conditions.ts';
import type { Clause, Operator } from './filter-grammar.ts';
import type { SearchOrder } from './order.ts';
import type { SearchTable } from './search-tables.ts';

/** A search that goes along a metric's index, in its order, and ends with the page. */
export interface MetricWalk {
  /** The clauses that it sees to. */
  readonly clauses: readonly Clause[];
  readonly join: Condition;
  /** In place of the first term's own order. */
  readonly order: Condition;
}

/** A metric for which one of these holds is there, and is no NaN: its order is that of the stored values. */
const OF_A_NUMBER: readonly Operator[] = ['=', '<', '<=', '>', '>='];

/**
 * The walk for "the best of those above a bar": a filter by the same metric as the first term of the order. Undefined
 * for every other search: rows without the metric would be lost, or come twice where an owner has several of a key.
 */
export function metricWalk(
  table: SearchTable,
  clauses: readonly Clause[],
  [first]: readonly SearchOrder[],
): MetricWalk | undefined {
  const keyed = table.metrics;
  if (keyed === undefined || keyed.latestBy !== undefined || first === undefined) return undefined;
  if (entityOf(first, table, 'order_by') !== 'metric') return undefined;
  const walked = clauses.filter(
    ({ left, operator }) =>
      left.key === first.key && OF_A_NUMBER.includes(operator) && entityOf(left, table, 'filter') === 'metric',
  );
  if (walked.length === 0) return undefined;
  const comparisons = walked.map((clause) => metricComparison(`metrics.${first.key}`, keyed.table, clause));
  return {
    clauses: walked,
    join: (query) => {
      query.join(keyed.table, (on) => {
        keyed.owner.forEach((column, i) => void on.on(`${keyed.table}.${column}`, table.id[i] ?? ''));
      });
      for (const condition of [ofKey(keyed, first.key), ...comparisons]) condition(query);
    },
    order: (query) => query.orderBy(`${keyed.table}.value`, first.descending ? 'desc' : 'asc'),
  };
}
