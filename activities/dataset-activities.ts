import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { durationMs } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { EvaluateModelInput, EvaluationSummary, PrepareTrainingDataInput } from '../contracts/train-model.ts';
import type { CompareModelsInput, ComparisonResult } from '../contracts/promote-model.ts';
import type { DatasetRef } from '../contracts/training.ts';
import { buildDataset } from '../lakehouse/dataset.ts';
import type { Lake } from '../lakehouse/lake.ts';
import { checkForLeaks } from '../lakehouse/leak-check.ts';
import { parquetRelation, rowsOf } from '../lakehouse/query-rows.ts';
import { timestampLiteral } from '../lakehouse/sql-text.ts';
import { buildBaselineProfile } from '../monitoring/baseline-profile.ts';
import { withScratchFolder } from './child-process.ts';
import { compareOnHeldOut } from './compare-on-held-out.ts';
import type { DataDependencies } from './data-dependencies.ts';
import { reportOn, requireProbabilities, scoredRelation, scoreFile, writeHeldOut } from './held-out.ts';
import { readBundle } from './pinned-bundles.ts';

export type DatasetActivities = ReturnType<typeof createDatasetActivities>;

const DAY_MS = 86_400_000;

/** Keys compared for each feature view and instant. */
const LEAK_SAMPLE_ROWS = 500;

/** Rows to train on, and what models make of the held-out ones. */
export function createDatasetActivities(deps: DataDependencies) {
  const { lake, artifacts, threads } = deps;
  return {
    /**
     * Joins features point in time to every labelled row that the as-of lets be seen. `LeakDetected` when a feature
     * view, computed anew at past instants of the window, knew less than its rows claim.
     */
    async prepareTrainingData({ pinned, asOf: asked, snapshot }: PrepareTrainingDataInput): Promise<DatasetRef> {
      const bundle = await readBundle(artifacts, pinned);
      const source = await snapshotToRead(lake, pinned.project, snapshot);
      const asOf = asked ?? source.refreshedAsOf;
      return withScratchFolder(lake.scratchFolder, async (folder) => {
        const file = join(folder, 'dataset.parquet');
        const { cancellationSignal } = Context.current();
        const summary = await buildDataset(
          lake,
          bundle,
          { ...source, asOf, withLabels: true, file },
          cancellationSignal,
        );
        const instants = instantsToLookBackTo(summary.from, summary.until);
        await checkForLeaks(
          lake,
          bundle,
          { ...source, asOf, instants, sampleRows: LEAK_SAMPLE_ROWS },
          cancellationSignal,
        );
        const data = await artifacts.putFile(file, { move: true });
        return {
          data,
          rows: summary.rows,
          positives: summary.positives,
          from: summary.from,
          until: summary.until,
          holdoutFrom: holdoutStart(bundle, summary.from, summary.until),
          snapshot: source.snapshot,
          asOf,
          features: summary.features,
          key: summary.key,
        };
      });
    },

    /** Scores the held-out rows through the very artifact and predictor that would serve, and profiles what it was trained on. */
    async evaluateModel({ pinned, dataset, trained }: EvaluateModelInput): Promise<EvaluationSummary> {
      const { definition, policy } = await readBundle(artifacts, pinned);
      const { label, features } = definition.training;
      const { slices } = definition.gates.compliance;
      return withScratchFolder(lake.scratchFolder, async (folder) => {
        const datasetFile = artifacts.path(dataset.data);
        const heldOut = join(folder, 'held-out.parquet');
        await lake.work(
          (c) => writeHeldOut(c, datasetFile, dataset.holdoutFrom, heldOut),
          Context.current().cancellationSignal,
        );
        const { file: scores } = await scoreFile(artifacts, trained, heldOut, folder, threads);
        return lake.work(async (c) => {
          await requireProbabilities(c, scores);
          const relation = scoredRelation(heldOut, scores);
          const report = await reportOn(c, relation, {
            label,
            confidence: policy.comparison.confidence,
            sliceBy: slices?.by ?? null,
            minRows: slices?.min_rows ?? 0,
          });
          const { auc, logLoss, brier, rows, positives } = report.evaluation;
          const profile = await buildBaselineProfile((sql) => rowsOf(c, sql), {
            relation: `(SELECT * FROM ${parquetRelation(datasetFile)} WHERE event_time < ${timestampLiteral(dataset.holdoutFrom)})`,
            features,
            scoresRelation: relation,
            quality: { metric: 'auc', ...auc },
          });
          return {
            auc,
            logLoss,
            brier,
            rows,
            positives,
            report: await artifacts.putJson(report),
            baselineProfile: await artifacts.putJson(profile),
          };
        }, Context.current().cancellationSignal);
      });
    },

    /** Challenger against champion, or against the project's baseline, on the challenger's held-out rows. */
    async compareModels({ candidate }: CompareModelsInput): Promise<ComparisonResult> {
      return withScratchFolder(lake.scratchFolder, (folder) => compareOnHeldOut(deps, candidate, folder));
    },
  };
}

/** The published snapshot that a run reads, and the as-of of its refresh. */
export interface SnapshotToRead {
  readonly snapshot: number;
  readonly refreshedAsOf: string;
}

/**
 * The snapshot to read: the one named, else the newest refresh. It knows most; what was known after a run's own as-of is
 * hidden by the views that the run reads through.
 */
export async function snapshotToRead(lake: Lake, project: string, snapshot?: number): Promise<SnapshotToRead> {
  const refresh = snapshot === undefined ? await lake.published(project) : await lake.publishedAt(project, snapshot);
  if (refresh !== undefined) return { snapshot: refresh.snapshot, refreshedAsOf: refresh.asOf };
  if (snapshot === undefined) {
    throw new SuperstepError('EmptyDataset', `${project} has no data yet; run refreshFeatures for it first`, {
      project,
    });
  }
  throw new SuperstepError(
    'InvalidInput',
    `snapshot ${snapshot} is no refresh of ${project}; expected one that refreshFeatures published, its result names it`,
    { project, snapshot },
  );
}

/** A third and two thirds into the window: far enough from its ends that a view has both a past and a future there. */
function instantsToLookBackTo(from: string, until: string): string[] {
  const third = (Date.parse(until) - Date.parse(from)) / 3;
  return [1, 2].map((thirds) => new Date(Date.parse(from) + Math.round(thirds * third)).toISOString());
}

/** The first instant of the held-out window: whole days, the last of them that of the newest row. */
function holdoutStart({ definition }: PinnedBundle, from: string, until: string): string {
  const { holdout } = definition.training.split;
  const lastDay = Math.floor(Date.parse(until) / DAY_MS) * DAY_MS;
  const start = new Date(lastDay + DAY_MS - durationMs(holdout)).toISOString();
  if (start > from) return start;
  throw new SuperstepError(
    'EmptyDataset',
    `the labelled rows reach from ${from} to ${until}; expected more than the ${holdout} that training.split.holdout keeps back. ` +
      'Choose a later as-of, or a shorter holdout',
    { from, until, holdout },
  );
}
