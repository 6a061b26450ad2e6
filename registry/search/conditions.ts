import type { Knex } from 'knex';
import { metricComparison, onPostgres, textComparison, wholeComparison, type Condition } from './comparisons.ts';
import type { Clause, Name } from './filter-grammar.ts';
import type { Column, Keyed, SearchTable } from './search-tables.ts';
import { invalidSearch } from './tokens.ts';

/** What clients may call a kind of key. */
export const ENTITIES = {
  attribute: ['attributes', 'attribute', 'attr', 'run'],
  metric: ['metrics', 'metric'],
  param: ['params', 'param', 'parameters', 'parameter'],
  tag: ['tags', 'tag'],
  dataset: ['datasets', 'dataset'],
} as const;

export type Entity = keyof typeof ENTITIES;

const PROMPT_TAG = 'mlflow.prompt.is_prompt';
const DATASET_COLUMNS = new Map([
  ['name', 'datasets.name'],
  ['digest', 'datasets.digest'],
  ['context', 'run_dataset_tags.value'],
]);
const CONTEXT_TAG = 'mlflow.data.context';

/**
 * The condition of each clause. A clause on a key that a row lacks is false for that row.
 * @param ofMetrics narrows the metrics that count
 * @throws InvalidInput for a name or an operator that the table does not know
 */
export function conditionsOf(table: SearchTable, clauses: readonly Clause[], ofMetrics?: Condition): Condition[] {
  const conditions = clauses.map((clause) => conditionOf(table, clause, ofMetrics));
  if (table.holdsPrompts === true && !clauses.some((clause) => isPromptTag(clause.left)))
    conditions.push(withoutTag(table, PROMPT_TAG, 'true'));
  return conditions;
}

/** Rows of the searched table that own a row of the keyed one for which all of `narrow` hold. */
export function ownersOf(table: SearchTable, keyed: Keyed, narrow: readonly Condition[]): Condition {
  return (query) => query.whereIn([...table.id], owners(keyed, narrow));
}

/**
 * Which kind of key a name is; a bare one is an attribute.
 * @throws InvalidInput
 */
export function entityOf(name: Name, table: SearchTable, what: string): Entity {
  if (name.entity === null) return 'attribute';
  const found = (Object.keys(ENTITIES) as Entity[]).find((entity) =>
    (ENTITIES[entity] as readonly string[]).includes(name.entity ?? ''),
  );
  if (found !== undefined && name.key !== '') return found;
  throw unknownName(table, what, name, 'a key behind metrics., params., tags., attributes. or datasets.');
}

/**
 * The column of an attribute.
 * @throws InvalidInput
 */
export function columnOf(table: SearchTable, what: 'filter' | 'order_by', name: Name): Column {
  const columns = what === 'filter' ? table.filters : table.orders;
  const column = columns.get(name.key);
  if (column !== undefined) return column;
  throw unknownName(table, what, name, `one of ${[...columns.keys()].join(', ')}`);
}

/** The error for a name that the table does not know. */
export function unknownName(table: SearchTable, what: string, name: Name, expected: string): Error {
  return invalidSearch(what, `found ${shown(name)}, which ${table.title} do not have; expected ${expected}`);
}

function conditionOf(table: SearchTable, clause: Clause, ofMetrics: Condition | undefined): Condition {
  const { left } = clause;
  switch (entityOf(left, table, 'filter')) {
    case 'attribute':
      return attributeCondition(columnOf(table, 'filter', left), clause);
    case 'metric': {
      const keyed = requireKeyed(table, table.metrics, left);
      const compare = metricComparison(shown(left), keyed.table, clause);
      return ownersOf(table, keyed, [ofKey(keyed, left.key), compare, ...(ofMetrics === undefined ? [] : [ofMetrics])]);
    }
    case 'param':
      return keyedCondition(table, requireKeyed(table, table.params, left), clause);
    case 'tag':
      if (
        table.holdsPrompts === true &&
        isPromptTag(left) &&
        clause.operator === '!=' &&
        typeof clause.value === 'string'
      )
        return withoutTag(table, left.key, clause.value);
      return keyedCondition(table, table.tags, clause);
    case 'dataset':
      return datasetCondition(table, clause);
  }
}

function attributeCondition({ column, type, lists, stored }: Column, { left, operator, value }: Clause): Condition {
  if (type !== 'text') return wholeComparison(shown(left), column, { operator, value }, type);
  const isPattern = operator === 'LIKE' || operator === 'ILIKE';
  const translated =
    stored === undefined || isPattern || typeof value === 'number'
      ? value
      : typeof value === 'string'
        ? stored(value)
        : value.map(stored);
  return textComparison(shown(left), column, { operator, value: translated }, lists);
}

function keyedCondition(table: SearchTable, keyed: Keyed, clause: Clause): Condition {
  const { left, operator, value } = clause;
  if (operator === 'IS NULL') return lackersOf(table, keyed, left.key);
  if (operator === 'IS NOT NULL') return ownersOf(table, keyed, [ofKey(keyed, left.key)]);
  const column = `${keyed.table}.value`;
  const compare = textComparison(shown(left), column, clause);
  const throughIndex: Condition = (query) => {
    // PostgreSQL's index holds the beginning of a value, and is used by who asks for just that.
    if (operator === '=' && typeof value === 'string' && onPostgres(query))
      query.whereRaw('left(??, 200) = left(?, 200)', [column, value]);
  };
  return ownersOf(table, keyed, [ofKey(keyed, left.key), compare, throughIndex]);
}

/** Rows that lack a key. */
function lackersOf(table: SearchTable, keyed: Keyed, key: string): Condition {
  return (query) => query.whereNotIn([...table.id], owners(keyed, [ofKey(keyed, key)]));
}

/** True also for rows that lack the tag. */
function withoutTag(table: SearchTable, key: string, value: string): Condition {
  const { tags } = table;
  const isSo: Condition = (query) => query.where(`${tags.table}.value`, value);
  return (query) => query.whereNotIn([...table.id], owners(tags, [ofKey(tags, key), isSo]));
}

/** A run has a dataset when any of its inputs is one for which the clause holds. */
function datasetCondition(table: SearchTable, clause: Clause): Condition {
  const { left } = clause;
  const column = DATASET_COLUMNS.get(left.key);
  if (table.datasets !== true || column === undefined)
    throw unknownName(table, 'filter', left, 'dataset.name, dataset.digest or dataset.context, of runs');
  const compare = textComparison(shown(left), column, clause, true);
  return (query) =>
    query.whereIn([...table.id], (sub: Knex.QueryBuilder) => {
      if (left.key === 'context') {
        sub.select('run_dataset_tags.run_id').from('run_dataset_tags').where('run_dataset_tags.key', CONTEXT_TAG);
      } else {
        sub.select('run_datasets.run_id').from('run_datasets');
        sub.join('datasets', 'datasets.id', 'run_datasets.dataset_id');
      }
      compare(sub);
    });
}

function owners(keyed: Keyed, narrow: readonly Condition[]) {
  return (sub: Knex.QueryBuilder): void => {
    sub.select(keyed.owner.map((column) => `${keyed.table}.${column}`)).from(keyed.table);
    for (const condition of narrow) condition(sub);
  };
}

/** Rows of the keyed table that are of a key. */
export function ofKey(keyed: Keyed, key: string): Condition {
  return (query) => query.where(`${keyed.table}.key`, key);
}

/** @throws InvalidInput when the table has no such keys */
export function requireKeyed(table: SearchTable, keyed: Keyed | undefined, name: Name, what = 'filter'): Keyed {
  if (keyed !== undefined) return keyed;
  throw unknownName(table, what, name, `tags.<key> or one of ${[...table.filters.keys()].join(', ')}`);
}

function isPromptTag(name: Name): boolean {
  return (ENTITIES.tag as readonly string[]).includes(name.entity ?? '') && name.key === PROMPT_TAG;
}

function shown({ entity, key }: Name): string {
  const text = entity === null ? key : `${entity}.${key}`;
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
