import { Context } from '@temporalio/activity';
import type { MonitoredWindow, MonitorWindowInput } from '../contracts/monitor-model.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { dataQualityOf } from '../lakehouse/data-quality.ts';
import { appendMetrics } from '../lakehouse/metrics-table.ts';
import { predictionsWithLabels } from '../lakehouse/predictions.ts';
import { projectTable } from '../lakehouse/project-table.ts';
import { rowsOf } from '../lakehouse/query-rows.ts';
import { type ProjectWindow, rowsAfterTraining, versionsInWindow } from '../lakehouse/versions-in-window.ts';
import type { BaselineProfile } from '../monitoring/baseline-profile.ts';
import { DRIFT_METRIC_COLUMNS, PROFILE_METRIC_COLUMNS } from '../monitoring/metric-tables.ts';
import { type MonitorReport, monitorWindow } from '../monitoring/report.ts';
import type { DataDependencies } from './data-dependencies.ts';
import { type SnapshotToRead, snapshotToRead } from './dataset-activities.ts';
import { readBundle } from './pinned-bundles.ts';
import { artifactOf, readLineage } from './training-inputs.ts';

export type MonitoringActivities = ReturnType<typeof createMonitoringActivities>;

/** The measuring half of `monitorModel`; what follows from it is decided elsewhere. */
export function createMonitoringActivities(deps: DataDependencies) {
  const { lake, artifacts } = deps;
  return {
    /**
     * Profiles a window's predictions against the baseline of the version that made most of them, of those for rows
     * after its training; measures quality on the labels known by the as-of, and writes both metric tables. Reads the
     * project's newest predictions: a later scoring gets metrics of its own.
     */
    async monitorWindow({ pinned, from, until, asOf }: MonitorWindowInput): Promise<MonitoredWindow> {
      const bundle = await readBundle(artifacts, pinned);
      const dataQuality = await dataQualityOf(lake, pinned.project, from, asOf);
      const predictionsSnapshot = (await lake.latest('predictions', pinned.project))?.snapshot;
      const judged =
        predictionsSnapshot === undefined
          ? noPredictions(from, until)
          : await versionToJudge(deps, { project: pinned.project, from, until, predictionsSnapshot });
      if (typeof judged === 'string') return nothingToMonitor(pinned.model, { from, until }, judged, dataQuality);
      const { version } = judged;
      const source = await snapshotToRead(lake, pinned.project);
      const report = await measure(deps, bundle, source, { from, until, asOf, ...judged });
      const snapshots = `${source.snapshot}/${judged.predictionsSnapshot}`;
      const key = `${pinned.project}/${version}/${from}/${until}/${asOf}/${snapshots}/${pinned.projectDigest.slice(0, 12)}`;
      const table = { project: pinned.project, asOf };
      await appendMetrics(lake, {
        ...table,
        key: `profile-metrics/${key}`,
        table: `gold.${projectTable(pinned.project, 'profile_metrics')}`,
        columns: PROFILE_METRIC_COLUMNS,
        rows: report.metricRows.profile,
      });
      await appendMetrics(lake, {
        ...table,
        key: `drift-metrics/${key}`,
        table: `gold.${projectTable(pinned.project, 'drift_metrics')}`,
        columns: DRIFT_METRIC_COLUMNS,
        rows: report.metricRows.drift,
      });
      return summarize(pinned.model, { from, until, version }, report, dataQuality);
    },
  };
}

interface JudgedVersion {
  readonly version: number;
  /** As-of of its training; rows before it are its own training or held-out rows. */
  readonly trainedAsOf: string;
  /** The lake's version that predictions are read at. */
  readonly predictionsSnapshot: number;
}

/** The version with most rows after its training in the window; a sentence where there is none. */
async function versionToJudge(
  { lake, registry }: DataDependencies,
  window: ProjectWindow,
): Promise<JudgedVersion | string> {
  const versions = await versionsInWindow(lake, window);
  if (versions.length === 0) return noPredictions(window.from, window.until);
  const trainings = await Promise.all(
    versions.map(async (version) => {
      const record = await registry.getModelVersion(window.project, version);
      return { version, asOf: (await readLineage(registry, record)).inputs.dataset.asOf };
    }),
  );
  const most = (await rowsAfterTraining(lake, window, trainings))[0];
  const training = trainings.find(({ version }) => version === most?.version);
  if (training === undefined) {
    const trained = trainings.map(({ version, asOf }) => `version ${version} as of ${asOf}`).join(', ');
    return `Between ${window.from} and ${window.until} there are no predictions that were made for rows after the model's training (${trained}); monitor a later window.`;
  }
  const { version, asOf: trainedAsOf } = training;
  return { version, trainedAsOf, predictionsSnapshot: window.predictionsSnapshot };
}

interface WindowToMeasure extends JudgedVersion {
  readonly from: string;
  readonly until: string;
  readonly asOf: string;
}

async function measure(
  deps: DataDependencies,
  bundle: PinnedBundle,
  source: SnapshotToRead,
  window: WindowToMeasure,
): Promise<MonitorReport> {
  const { lake, registry, artifacts } = deps;
  const { from, until, asOf, version, trainedAsOf, predictionsSnapshot } = window;
  const judgedFrom = Date.parse(trainedAsOf) > Date.parse(from) ? trainedAsOf : from;
  const record = await registry.getModelVersion(bundle.definition.project, version);
  const { run } = await readLineage(registry, record);
  const baseline = await artifacts.readJson<BaselineProfile>(artifactOf(run, 'baseline-profile.json'));
  return lake.work(async (c) => {
    await predictionsWithLabels(c, bundle, { ...source, asOf, from: judgedFrom, until, version, predictionsSnapshot });
    return monitorWindow((sql) => rowsOf(c, sql), {
      relation: 'predictions',
      baseline,
      definition: bundle.definition.monitor,
      window: { from, until },
      asOf,
      model: record.model,
      modelVersion: version,
      snapshot: predictionsSnapshot,
    });
  }, Context.current().cancellationSignal);
}

function summarize(
  model: string,
  { from, until, version }: Pick<WindowToMeasure, 'from' | 'until' | 'version'>,
  report: MonitorReport,
  dataQuality: MonitoredWindow['dataQuality'],
): MonitoredWindow {
  const { verdict, reasons, rows, labelledShare, labelMean, quality, baselineQuality, driftScore, driftedColumns } =
    report;
  return {
    verdict,
    reasons,
    dataQuality,
    summary: {
      from,
      until,
      model,
      version,
      rows,
      labelledShare,
      labelMean,
      quality,
      baselineQuality,
      driftScore,
      driftedColumns,
    },
  };
}

function noPredictions(from: string, until: string): string {
  return `No predictions between ${from} and ${until}; run scoreBatch for the window first.`;
}

function nothingToMonitor(
  model: string,
  { from, until }: { readonly from: string; readonly until: string },
  reason: string,
  dataQuality: MonitoredWindow['dataQuality'],
): MonitoredWindow {
  return {
    verdict: 'insufficient-data',
    reasons: [reason],
    dataQuality,
    summary: {
      from,
      until,
      model,
      version: null,
      rows: 0,
      labelledShare: 0,
      labelMean: null,
      quality: null,
      baselineQuality: null,
      driftScore: null,
      driftedColumns: [],
    },
  };
}
