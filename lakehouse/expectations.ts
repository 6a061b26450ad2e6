import type { DuckDBConnection } from '@duckdb/node-api';
import type { StagedTable } from '../contracts/refresh-features.ts';
import type { ExpectationDefinition } from '../contracts/schemas/project.ts';
import { type ProjectSql, runProjectSql } from './project-sql.ts';
import { identifiers, literal, timestampLiteral } from './sql-text.ts';

type Count = StagedTable['expectations'][number];

/** A rule holds unless its condition is FALSE: what is not known yet (NULL) breaks nothing. */
function holds(expectation: ExpectationDefinition): string {
  return `coalesce(CAST((${expectation.expect}) AS BOOLEAN), true)`;
}

/** A condition: the rows that the table keeps. Rules that stop a refresh refuse no rows. */
export function keptRows(expectations: readonly ExpectationDefinition[]): string {
  const refusing = expectations.filter((e) => e.on_violation !== 'stop');
  return refusing.length === 0 ? 'true' : refusing.map(holds).join(' AND ');
}

/** Counts, per rule, the rows of a relation that break it. `QueryFailed` naming the rule when its SQL fails. */
export async function judge(
  c: DuckDBConnection,
  table: string,
  relation: string,
  expectations: readonly ExpectationDefinition[],
): Promise<Count[]> {
  const counts: Count[] = [];
  for (const expectation of expectations) {
    const found = await runProjectSql(ruleAsSql(table, expectation), () =>
      c.runAndReadAll(
        `SELECT count(*) FILTER (NOT ${holds(expectation)})::DOUBLE AS broken, count(*)::DOUBLE AS total FROM ${relation}`,
      ),
    );
    const [broken, total] = found.getRows()[0] as [number, number];
    counts.push({ name: expectation.name, action: expectation.on_violation, broken, total });
  }
  return counts;
}

/**
 * A SELECT of the refused rows to keep: key, `_rule`, `_reason` (the condition), the whole row as JSON in `row`, `_as_of`.
 * A row that breaks two rules is there twice.
 */
export function quarantinedRows(
  relation: string,
  key: readonly string[],
  expectations: readonly ExpectationDefinition[],
  asOf: string,
): string {
  const keyColumns = key.length === 0 ? '' : `${identifiers(key, 'r')}, `;
  return expectations
    .filter((e) => e.on_violation === 'quarantine')
    .map(
      (e) =>
        `SELECT ${keyColumns}${literal(e.name)} AS _rule, ${literal(e.expect)} AS _reason,
           CAST(to_json(r) AS VARCHAR) AS "row", ${timestampLiteral(asOf)} AS _as_of
         FROM (FROM ${relation}) AS r WHERE NOT ${holds(e)}`,
    )
    .join(' UNION ALL ');
}

function ruleAsSql(table: string, expectation: ExpectationDefinition): ProjectSql {
  return { file: `project.yaml, expectation ${expectation.name} of ${table}`, text: expectation.expect };
}
