import { durationMs, shiftInstant } from '../contracts/durations.ts';
import type { FeatureViewDefinition } from '../contracts/schemas/project.ts';
import { identifier, timestampLiteral } from './sql-text.ts';

/** A feature view as the point-in-time join reads it. */
export interface FeatureLookup {
  readonly view: string;
  /** SQL relation that holds the view's rows, for example `gold.route_history`. */
  readonly relation: string;
  readonly entity: readonly string[];
  readonly eventTime: string;
  readonly knownAt: string;
  readonly ttlMs: number;
  /** Columns to look up, each named `<view>.<column>` in the result. */
  readonly columns: readonly string[];
}

/** The half-open window of spine times that a join answers for; ISO instants. */
export interface JoinWindow {
  readonly from: string;
  readonly until: string;
}

/** The look-up of `columns` of a view that a project defines. */
export function featureLookup(
  view: string,
  definition: FeatureViewDefinition,
  columns: readonly string[],
): FeatureLookup {
  return {
    view,
    relation: `gold.${identifier(view)}`,
    entity: definition.entity,
    eventTime: definition.event_time,
    knownAt: definition.known_at,
    ttlMs: durationMs(definition.ttl),
    columns,
  };
}

/** The references `view.column` among `features`, by view; a plain `column` is the spine's own. */
export function columnsByView(features: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const byView = new Map<string, string[]>();
  for (const feature of features) {
    const dot = feature.indexOf('.');
    if (dot < 0) continue;
    const view = feature.slice(0, dot);
    byView.set(view, [...(byView.get(view) ?? []), feature.slice(dot + 1)]);
  }
  return byView;
}

/**
 * SELECT that gives each row of `spine` (a relation with `event_time` and the entity columns) its own columns and one
 * FLOAT column `<view>.<column>` per look-up: what was known of the key at the row's `event_time`. Exactly one row out
 * for each row in.
 *
 * The rule: a row of a view is available from greatest(event time, known-at) on; of those available the latest event
 * time wins, then the latest known-at; a row is used until its event time + ttl, both ends included; else NULL. A late
 * correction of an old event never covers a newer event. Rows equal in both times are ordered by their values, so that
 * equal inputs give equal answers.
 */
export function pointInTimeSql(spine: string, lookups: readonly FeatureLookup[], window: JoinWindow): string {
  const timelines = lookups.map((lookup, i) => timelineSql(lookup, `timeline_${i}`, window));
  const joins = lookups.map((lookup, i) => {
    const keys = lookup.entity.map(
      (key) => `spine.${identifier(key)} = timeline_${i}.${identifier(`key_${key}`)} AND `,
    );
    return `ASOF LEFT JOIN timeline_${i} ON ${keys.join('')}spine.event_time >= timeline_${i}.available_`;
  });
  const features = lookups.flatMap((lookup, i) =>
    lookup.columns.map(
      (column, j) =>
        `CASE WHEN timeline_${i}.event_ >= spine.event_time - to_milliseconds(${lookup.ttlMs}) ` +
        `THEN timeline_${i}.value_${j} END AS ${identifier(`${lookup.view}.${column}`)}`,
    ),
  );
  const withClause = timelines.length === 0 ? '' : `WITH ${timelines.join(',\n')}\n`;
  return `${withClause}SELECT ${['spine.*', ...features].join(',\n  ')}\nFROM ${spine} AS spine\n${joins.join('\n')}`;
}

/**
 * CTEs that turn a view into its winners: for each key and instant of availability the row that a look-up from then on
 * finds. A row whose event is older than one available before it never wins and is left out; that is what makes one
 * ASOF join exact. Rows that no spine time of the window can use are left out as well.
 */
function timelineSql(lookup: FeatureLookup, name: string, window: JoinWindow): string {
  const keys = lookup.entity.map((key) => identifier(`key_${key}`));
  const values = lookup.columns.map((_, j) => `value_${j}`);
  const eventTime = `${identifier(lookup.eventTime)}::TIMESTAMP`;
  const knownAt = `${identifier(lookup.knownAt)}::TIMESTAMP`;
  const oldest = shiftInstant(window.from, -lookup.ttlMs);
  return `${name}_rows AS (
  SELECT ${[
    ...lookup.entity.map((key) => `${identifier(key)} AS ${identifier(`key_${key}`)}`),
    `greatest(${eventTime}, ${knownAt}) AS available_`,
    `${eventTime} AS event_`,
    `${knownAt} AS known_`,
    ...lookup.columns.map((column, j) => `${identifier(column)}::FLOAT AS value_${j}`),
  ].join(', ')}
  FROM ${lookup.relation}
  WHERE ${eventTime} >= ${timestampLiteral(oldest)}
    AND ${eventTime} < ${timestampLiteral(window.until)} AND ${knownAt} < ${timestampLiteral(window.until)}
),
${name} AS (
  SELECT * EXCLUDE (known_) FROM ${name}_rows
  WINDOW by_key AS (PARTITION BY ${keys.join(', ')} ORDER BY ${['available_', 'event_', 'known_', ...values].join(', ')})
  QUALIFY event_ >= max(event_) OVER by_key AND lead(available_) OVER by_key IS DISTINCT FROM available_
)`;
}
