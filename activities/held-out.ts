import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ModelFile } from '../contracts/training.ts';
import { parquetRelation, rowsOf } from '../lakehouse/query-rows.ts';
import { literal, timestampLiteral } from '../lakehouse/sql-text.ts';
import type { ModelMetrics } from '../contracts/evidence.ts';
import { evaluate, evaluateSlices, type SliceEvaluation } from '../learning/evaluation.ts';
import { scoreHistogramSql } from '../learning/score-histogram-sql.ts';
import { type ScoreHistogram, scoreHistogram, type ScoreHistogramRow } from '../learning/score-histogram.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import { runChildProcess } from './child-process.ts';
import { reportProgress } from './heartbeat.ts';

const SCORE_PROCESS = fileURLToPath(new URL(`../serving/score-process${import.meta.url.slice(-3)}`, import.meta.url));

/** What the score process answers. */
interface Scored {
  readonly rows: number;
}

/** How a model does on the rows it is judged on: overall and by slice. An artifact of the training run. */
export interface EvaluationReport {
  readonly evaluation: ModelMetrics;
  readonly sliceBy: string | null;
  readonly slices: readonly SliceEvaluation[];
}

/** Scores every row of a Parquet file with an ONNX artifact, through the predictor that serves it. Gives the file of scores. */
export async function scoreFile(
  artifacts: ArtifactStore,
  { onnx, features }: ModelFile,
  inputFile: string,
  folder: string,
  threads: number,
): Promise<{ readonly file: string; readonly rows: number }> {
  const file = join(folder, `scores-${randomUUID()}.parquet`);
  const { rows } = await runChildProcess<Scored>({
    entry: SCORE_PROCESS,
    job: {
      modelFile: artifacts.path(onnx),
      sha256: onnx.sha256,
      ...(features === undefined ? {} : { inputNames: features }),
      inputFile,
      outputFile: file,
      threads,
    },
    folder,
    signal: Context.current().cancellationSignal,
    onProgress: reportProgress,
  });
  return { file, rows };
}

/**
 * Makes sure that every score is a probability.
 *
 * @throws UnsupportedOperator
 */
export async function requireProbabilities(c: DuckDBConnection, scoresFile: string): Promise<void> {
  const [bad] = await rowsOf<{ readonly rows: number; readonly example: string | null }>(
    c,
    `SELECT count(*)::DOUBLE AS rows, any_value(score::VARCHAR) AS example FROM ${parquetRelation(scoresFile)}
     WHERE score IS NULL OR NOT (score >= 0 AND score <= 1)`,
  );
  if (bad === undefined || bad.rows === 0) return;
  throw new SuperstepError(
    'UnsupportedOperator',
    `the model scores ${bad.rows} of the held-out rows with what is no probability, for example ${bad.example ?? 'NULL'}; expected a number between 0 and 1 for every row, also where features are missing (NaN)`,
  );
}

/** SQL for rows and their scores side by side. */
export function scoredRelation(rowsFile: string, scoresFile: string): string {
  return `(SELECT * FROM ${parquetRelation(rowsFile)} POSITIONAL JOIN ${parquetRelation(scoresFile)})`;
}

/** Writes the rows of the held-out window into a file of their own, in order. */
export async function writeHeldOut(
  c: DuckDBConnection,
  datasetFile: string,
  holdoutFrom: string,
  file: string,
): Promise<void> {
  await c.run(
    `COPY (SELECT * FROM ${parquetRelation(datasetFile)} WHERE event_time >= ${timestampLiteral(holdoutFrom)}) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`,
  );
}

/** The histogram that all quality figures are computed from. `label` names the label's column. */
export async function readHistogram(c: DuckDBConnection, relation: string, label: string): Promise<ScoreHistogram> {
  return scoreHistogram(await rowsOf<ScoreHistogramRow>(c, scoreHistogramSql({ relation, label })));
}

/** Evaluates scored rows, overall and, where the project asks for it, by slice; slices below `minRows` are left out. */
export async function reportOn(
  c: DuckDBConnection,
  relation: string,
  options: {
    readonly label: string;
    readonly confidence: number;
    readonly sliceBy: string | null;
    readonly minRows: number;
  },
): Promise<EvaluationReport> {
  const { label, confidence, sliceBy, minRows } = options;
  const evaluation = evaluate(await readHistogram(c, relation, label), { confidence });
  if (sliceBy === null) return { evaluation, sliceBy, slices: [] };
  const rows = await rowsOf<ScoreHistogramRow>(c, scoreHistogramSql({ relation, label, slice: sliceBy }));
  const slices = evaluateSlices(rows, { confidence }).filter((slice) => slice.rows >= minRows);
  return { evaluation, sliceBy, slices };
}
