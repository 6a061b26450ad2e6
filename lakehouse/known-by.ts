import type { SourceDefinition } from '../contracts/schemas/project.ts';
import { identifier, timestampLiteral } from './sql-text.ts';

/** The column of a bronze table that says when one of its columns became known. */
export function knownAtColumn(column: string): string {
  return `${column}_known_at`;
}

/**
 * A SELECT of a bronze relation as it looked at an instant: rows that had not happened are gone, columns that were not
 * known are NULL, their `_known_at` too.
 */
export function knownBy(relation: string, source: SourceDefinition, asOf: string): string {
  const instant = timestampLiteral(asOf);
  const hidden = Object.keys(source.known_later).flatMap((column) => {
    const known = identifier(knownAtColumn(column));
    return [column, knownAtColumn(column)].map(
      (name) => `CASE WHEN ${known} <= ${instant} THEN ${identifier(name)} END AS ${identifier(name)}`,
    );
  });
  const columns = hidden.length === 0 ? '*' : `* REPLACE (${hidden.join(', ')})`;
  return `SELECT ${columns} FROM ${relation} WHERE ${identifier(source.event_time)} <= ${instant}`;
}

/** A condition on a bronze relation: rows that happened in (after, until]. */
export function happenedWithin(source: SourceDefinition, after: string, until: string): string {
  return within(identifier(source.event_time), after, until);
}

/** A condition on a bronze relation: rows from before of which a column became known in (after, until]. */
export function surfacedWithin(source: SourceDefinition, after: string, until: string): string {
  const surfaced = Object.keys(source.known_later).map((c) => within(identifier(knownAtColumn(c)), after, until));
  if (surfaced.length === 0) return 'false';
  return `(${identifier(source.event_time)} <= ${timestampLiteral(after)} AND (${surfaced.join(' OR ')}))`;
}

function within(column: string, after: string, until: string): string {
  return `(${column} > ${timestampLiteral(after)} AND ${column} <= ${timestampLiteral(until)})`;
}
