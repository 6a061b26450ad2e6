import { Context } from '@temporalio/activity';
import type { MonitoredWindow, MonitorWindowInput } from '../contracts/monitor-model.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import { dataQualityOf } from '../lakehouse/data-quality.ts';
import { appendMetrics } from '../lakehouse/metrics-table.ts';
import { predictionsWithLabels } from '../lakehouse/predictions.ts';
import { projectTable } from '../lakehouse/project-table.ts';
import { rowsOf } from '../lakehouse/query-rows.ts';
import { versionsInWindow } from '../lakehouse/versions-in-window.ts';
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
     * Profiles a window's predictions against the baseline of the version that made most of them, measures quality on
     * the labels known by the as-of, and writes both metric tables.
     */
    async monitorWindow({ pinned, from, until, asOf }: MonitorWindowInput): Promise<MonitoredWindow> {
      const bundle = await readBundle(artifacts, pinned);
      const dataQuality = await dataQualityOf(lake, pinned.project, from, asOf);
      const version = (await versionsInWindow(lake, { project: pinned.project, from, until }))[0]?.version;
      if (version === undefined) return nothingToMonitor(pinned.model, { from, until }, dataQuality);
      const source = await snapshotToRead(lake, pinned.project, asOf);
      const report = await measure(deps, bundle, source, { from, until, asOf, version });
      const key = `${pinned.project}/${version}/${from}/${until}/${asOf}/${source.snapshot}/${pinned.projectDigest.slice(0, 12)}`;
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

interface WindowToMeasure {
  readonly from: string;
  readonly until: string;
  readonly asOf: string;
  readonly version: number;
}

async function measure(
  deps: DataDependencies,
  bundle: PinnedBundle,
  source: SnapshotToRead,
  window: WindowToMeasure,
): Promise<MonitorReport> {
  const { lake, registry, artifacts } = deps;
  const { from, until, asOf, version } = window;
  const record = await registry.getModelVersion(bundle.definition.project, version);
  const { run } = await readLineage(registry, record);
  const baseline = await artifacts.readJson<BaselineProfile>(artifactOf(run, 'baseline-profile.json'));
  return lake.work(async (c) => {
    await predictionsWithLabels(c, bundle, { ...source, asOf, from, until, version });
    return monitorWindow((sql) => rowsOf(c, sql), {
      relation: 'predictions',
      baseline,
      definition: bundle.definition.monitor,
      window: { from, until },
      asOf,
      model: record.model,
      modelVersion: version,
      snapshot: source.snapshot,
    });
  }, Context.current().cancellationSignal);
}

function summarize(
  model: string,
  { from, until, version }: Omit<WindowToMeasure, 'asOf'>,
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

function nothingToMonitor(
  model: string,
  { from, until }: { readonly from: string; readonly until: string },
  dataQuality: MonitoredWindow['dataQuality'],
): MonitoredWindow {
  return {
    verdict: 'insufficient-data',
    reasons: [`No predictions between ${from} and ${until}; run scoreBatch for the window first.`],
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
