import { SCORE_BINS } from './score-histogram.ts';

export interface ScoreHistogramSource {
  /** A table or a sub-query in parentheses, with the columns `event_time`, `label` (0 or 1) and `score` (0 to 1). */
  readonly relation: string;
  /** Name of the label column. @default label */
  readonly label?: string;
  /** Name of the score column. @default score */
  readonly score?: string;
  /** Column to slice by; its values come as text in column `slice`. */
  readonly slice?: string;
}

/**
 * SQL (DuckDB) for the rows of a score histogram: `day` VARCHAR, `label`, `bin` and `count` as DOUBLE (read as plain
 * numbers), `slice` VARCHAR where asked for. Days are UTC. Rows without a label are left out; a score that is NULL or
 * not between 0 and 1 stops the query, since dropping it would compare models on different rows.
 */
export function scoreHistogramSql({ relation, label = 'label', score = 'score', slice }: ScoreHistogramSource): string {
  const scoreColumn = quoted(score);
  const sliceColumn = slice === undefined ? '' : `, ${quoted(slice)}::VARCHAR AS slice`;
  return `
SELECT day, label, bin, count(*)::DOUBLE AS count${slice === undefined ? '' : ', slice'}
FROM (
  SELECT
    strftime(event_time::TIMESTAMP, '%Y-%m-%d') AS day,
    ${quoted(label)}::INTEGER::DOUBLE AS label,
    CASE
      WHEN ${scoreColumn} >= 0 AND ${scoreColumn} <= 1
        THEN least(${SCORE_BINS - 1}, floor(${scoreColumn}::DOUBLE * ${SCORE_BINS}))
      ELSE error('a row of ' || event_time::VARCHAR || ' has the score ' || coalesce(${scoreColumn}::VARCHAR, 'NULL')
        || '; expected a number between 0 and 1 for every row')
    END AS bin${sliceColumn}
  FROM ${relation}
  WHERE ${quoted(label)} IS NOT NULL
)
GROUP BY ALL
ORDER BY ALL`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
