import type { Knex } from 'knex';
import type { Condition } from './comparisons.ts';
import { columnOf, entityOf, requireKeyed, unknownName } from './conditions.ts';
import type { OrderTerm } from './filter-grammar.ts';
import type { Column, Keyed, SearchTable } from './search-tables.ts';
import { invalidSearch } from './tokens.ts';

/** Of which dataset a metric is; only rows of `metrics` know it. */
export interface OfDataset {
  readonly name?: string | undefined;
  readonly digest?: string | undefined;
}

export type SearchOrder = OrderTerm & { readonly dataset?: OfDataset };

/**
 * The order by the terms, then by the table's own one. Missing values come last whatever the direction, NaN before
 * them. Texts by code point: the schema says so on PostgreSQL.
 * @param first orders in place of the first term
 * @throws InvalidInput for a name that the table does not know, or one that comes twice
 */
export function orderOf(table: SearchTable, terms: readonly SearchOrder[], first?: Condition): Condition {
  const named = terms.map((term) => termOf(table, term));
  const names = named.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw invalidSearch('order_by', `found ${twice.slice(0, 100)} twice, expected each name once`);
  const rest = table.defaultOrder
    .filter(({ column }) => !names.includes(column))
    .map((column) => byColumn(column, column.descending));
  const asked = named.map(({ apply }, i) => (i === 0 ? (first ?? apply) : apply));
  return (query) => [...asked, ...rest].forEach((apply) => apply(query));
}

/** `name` is the same for two spellings of one thing. */
function termOf(table: SearchTable, term: SearchOrder): { readonly name: string; readonly apply: Condition } {
  const entity = entityOf(term, table, 'order_by');
  if (entity === 'attribute') {
    const column = columnOf(table, 'order_by', term);
    return { name: column.column, apply: byColumn(column, term.descending) };
  }
  if (table.ordersByKeys !== true || entity === 'dataset')
    throw unknownName(table, 'order_by', term, `one of ${[...table.orders.keys()].join(', ')}`);
  const { dataset } = term;
  const name = [entity, term.key, dataset?.name ?? '', dataset?.digest ?? ''].join('.');
  if (entity === 'metric') {
    const keyed = requireKeyed(table, table.metrics, term, 'order_by');
    return { name, apply: byMetric(table, keyed, term) };
  }
  if (dataset !== undefined) throw invalidSearch('order_by', `found a dataset beside ${name}, expected one of metrics`);
  const keyed = requireKeyed(table, entity === 'param' ? table.params : table.tags, term, 'order_by');
  return { name, apply: byText(table, keyed, term) };
}

function byColumn({ column, nullable }: Column, descending: boolean): Condition {
  return (query) => {
    query.orderByRaw(`?? ${direction(descending)}${nullable === true ? ' nulls last' : ''}`, [column]);
  };
}

/** One look at the metric a row: NaN becomes an infinity, which no stored value is, on the side of the missing ones. */
function byMetric(table: SearchTable, keyed: Keyed, { key, descending, dataset }: SearchOrder): Condition {
  return (query) => {
    const value = valueOf(query, table, keyed, key);
    const nan = descending ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    value.select(
      query.client.raw('case when ?? then ? else ?? end', [`${keyed.table}.is_nan`, nan, `${keyed.table}.value`]),
    );
    if (dataset?.name !== undefined) value.where(`${keyed.table}.dataset_name`, dataset.name);
    if (dataset?.digest !== undefined) value.where(`${keyed.table}.dataset_digest`, dataset.digest);
    query.orderByRaw(`? ${direction(descending)} nulls last`, [value]);
  };
}

function byText(table: SearchTable, keyed: Keyed, { key, descending }: SearchOrder): Condition {
  return (query) => {
    const value = valueOf(query, table, keyed, key).select(`${keyed.table}.value`);
    query.orderByRaw(`? ${direction(descending)} nulls last`, [value]);
  };
}

/** The subquery for the row of a key; what to select is still to be said. */
function valueOf(query: Knex.QueryBuilder, table: SearchTable, keyed: Keyed, key: string): Knex.QueryBuilder {
  const sub = query.client.queryBuilder();
  sub.from(keyed.table).where(`${keyed.table}.key`, key);
  keyed.owner.forEach((column, i) => {
    sub.whereRaw('?? = ??', [`${keyed.table}.${column}`, table.id[i] ?? '']);
  });
  for (const column of keyed.latestBy ?? []) sub.orderBy(`${keyed.table}.${column}`, 'desc');
  if (keyed.latestBy !== undefined) sub.limit(1);
  return sub;
}

function direction(descending: boolean): string {
  return descending ? 'desc' : 'asc';
}
