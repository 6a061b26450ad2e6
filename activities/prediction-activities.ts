import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { SuperstepError } from '../contracts/failure-types.ts';
import type {
  ExportPredictionsInput,
  PublishedPredictions,
  PublishPredictionsInput,
  ScoredRows,
  ScoreRowsInput,
  ScoringRows,
  ScoringWindow,
} from '../contracts/score-batch.ts';
import { buildDataset } from '../lakehouse/dataset.ts';
import { knownUntil } from '../lakehouse/known-until.ts';
import { exportPredictions, publishPredictions } from '../lakehouse/predictions.ts';
import { withScratchFolder } from './child-process.ts';
import type { DataDependencies } from './data-dependencies.ts';
import { snapshotToRead } from './dataset-activities.ts';
import { scoreFile } from './held-out.ts';
import { readBundle } from './pinned-bundles.ts';

export type PredictionActivities = ReturnType<typeof createPredictionActivities>;

/** The steps of `scoreBatch`. Nothing is held in memory by the row. */
export function createPredictionActivities({ lake, artifacts, exports, threads }: DataDependencies) {
  return {
    /** The window's rows with features as of each row's time, by the project as the Production version was trained from it; null without rows. */
    async buildScoringRows({ pinned, scoring, from, until }: ScoringWindow): Promise<ScoringRows | null> {
      const bundle = await readBundle(artifacts, scoring.pinned);
      const source = await snapshotToRead(lake, pinned.project);
      requireKnownUntil(pinned.project, (await knownUntil(lake, pinned.project)) ?? source.refreshedAsOf, until);
      return withScratchFolder(lake.scratchFolder, async (folder) => {
        const file = join(folder, 'rows.parquet');
        // The refresh's as-of, later than any row: features are looked up as of each row's own time.
        const asOf = source.refreshedAsOf;
        const request = { ...source, asOf, from, until, withLabels: false, file };
        try {
          const { rows } = await buildDataset(lake, bundle, request, Context.current().cancellationSignal);
          return { data: await artifacts.putFile(file, { move: true }), rows, snapshot: source.snapshot, asOf };
        } catch (error) {
          if (error instanceof SuperstepError && error.type === 'EmptyDataset') return null;
          throw error;
        }
      });
    },

    /** Scores the rows through the serving predictor, the model checked by digest. */
    async scoreRows({ scoring, data }: ScoreRowsInput): Promise<ScoredRows> {
      return withScratchFolder(lake.scratchFolder, async (folder) => {
        const { file, rows } = await scoreFile(artifacts, scoring, artifacts.path(data), folder, threads);
        return { scores: await artifacts.putFile(file, { move: true }), rows };
      });
    },

    async publishPredictions({
      pinned,
      scoring,
      from,
      until,
      rows,
      scored,
    }: PublishPredictionsInput): Promise<PublishedPredictions> {
      const { model, version, onnx } = scoring;
      const { table, snapshot } = await publishPredictions(
        lake,
        {
          key: `predictions/${pinned.project}/${onnx.sha256}/${version}/${from}/${until}/${rows.snapshot}`,
          project: pinned.project,
          model,
          version,
          modelSha256: onnx.sha256,
          snapshot: rows.snapshot,
          asOf: rows.asOf,
          from,
          until,
          datasetFile: artifacts.path(rows.data),
          scoresFile: artifacts.path(scored.scores),
        },
        Context.current().cancellationSignal,
      );
      return { table, snapshot };
    },

    /** Writes the window's predictions to a file below the exports folder; gives its path there. */
    async exportPredictions({ pinned, scoring, from, until, sink }: ExportPredictionsInput): Promise<string> {
      const { definition } = await readBundle(artifacts, scoring.pinned);
      const window = { project: pinned.project, version: scoring.version, from, until, key: definition.training.key };
      await exportPredictions(
        lake,
        window,
        join(exports, sink.path),
        sink.format,
        Context.current().cancellationSignal,
      );
      return sink.path;
    },
  };
}

/** A window that the lake knows only in part would be scored in part, and nobody would notice. */
function requireKnownUntil(project: string, known: string, until: string): void {
  if (known >= until) return;
  throw new SuperstepError(
    'StaleFeatures',
    `${project} was last refreshed as of ${known}, but the window to score ends at ${until}; run refreshFeatures as of ${until} or later first`,
    { known, until },
  );
}
