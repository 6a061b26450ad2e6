import { DuckDBInstance } from '@duckdb/node-api';
import { rowsOf } from '../../lakehouse/query-rows.ts';
import { literal, timestampLiteral } from '../../lakehouse/sql-text.ts';
import { evaluate } from '../../learning/evaluation.ts';
import { scoreHistogramSql } from '../../learning/score-histogram-sql.ts';
import { scoreHistogram, type ScoreHistogramRow } from '../../learning/score-histogram.ts';
import { scoreFile } from '../../serving/score-file.ts';
import { runMeasuredJob } from './measured-child.ts';

export interface EvaluateJob {
  readonly datasetFile: string;
  readonly heldOutFrom: string;
  readonly heldOutUntil: string;
  readonly label: string;
  readonly modelFile: string;
  readonly sha256: string;
  /** The held-out rows are written here; scores beside them. */
  readonly rowsFile: string;
  readonly threads: number;
}

/** AUC of an artifact on held-out rows, through the predictor that serves it, as the evaluation of a training run. */
await runMeasuredJob(async (job: EvaluateJob, report) => {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(job.threads) });
  const c = await instance.connect();
  const window = `event_time >= ${timestampLiteral(job.heldOutFrom)} AND event_time < ${timestampLiteral(job.heldOutUntil)}`;
  await c.run(
    `COPY (FROM read_parquet(${literal(job.datasetFile)}) WHERE ${window}) TO ${literal(job.rowsFile)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  const scores = `${job.rowsFile}.scores`;
  const { modelFile, sha256, threads } = job;
  await scoreFile({ modelFile, sha256, inputFile: job.rowsFile, outputFile: scores, threads }, report);
  const relation = `(FROM read_parquet(${literal(job.rowsFile)}) POSITIONAL JOIN read_parquet(${literal(scores)}))`;
  const rows = await rowsOf<ScoreHistogramRow>(c, scoreHistogramSql({ relation, label: job.label }));
  const { auc, logLoss, rows: count } = evaluate(scoreHistogram(rows), { confidence: 0.95 });
  c.closeSync();
  instance.closeSync();
  return { auc, logLoss, rows: count };
});
