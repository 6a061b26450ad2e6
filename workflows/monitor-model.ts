import { ParentClosePolicy, startChild, upsertSearchAttributes, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type {
  MonitorModelInput,
  MonitorModelResult,
  MonitoredWindow,
  RetrainingDecision,
} from '../contracts/monitor-model.ts';
import { mlDriftScore, mlTrigger, mlVersion } from '../contracts/search-attributes.ts';
import { acceptInput } from './accept.ts';
import { monitoring, retraining } from './activities.ts';
import { beginStory, markdownTable } from './story.ts';
import { trainToDeploy } from './train-to-deploy.ts';

type AcceptedMonitor = MonitorModelInput & Required<Pick<MonitorModelInput, 'from' | 'until'>>;

/**
 * Judges a window of predictions against the labels known by now: data quality, drift, quality. Under the project's
 * policy it does nothing, alerts, or starts a superstep that outlives it.
 */
export async function monitorModel(input: MonitorModelInput): Promise<MonitorModelResult> {
  const story = beginStory('Monitor');
  const { pinned, asOf, input: accepted } = await acceptInput<AcceptedMonitor>('monitorModel', input, story);
  const { from, until } = accepted;

  story.phase('measure', `Predictions of ${from} to ${until}, with the labels known by ${asOf}.`);
  const monitored = await monitoring.monitorWindow.executeWithOptions({ summary: `profile ${from} to ${until}` }, [
    { pinned, from, until, asOf },
  ]);
  tagRun(monitored);

  story.phase('decide', windowDetails(monitored));
  const decision = await retraining.decideRetraining.executeWithOptions(
    { summary: `${monitored.verdict}: what to do?` },
    [{ pinned, monitored, asOf }],
  );
  if (decision.retraining !== null) await startRetraining(accepted.project, asOf, decision.retraining, from, until);

  story.phase('done', `${windowDetails(monitored)}\n\n${decisionDetails(decision)}`);
  return {
    outcome: monitored.verdict,
    action: decision.action,
    reasons: [...monitored.reasons, ...decision.reasons],
    window: monitored.summary,
    retraining: decision.retraining,
  };
}

/** Starts the superstep of a window; when it is there already, an earlier run of this monitor started it. */
async function startRetraining(project: string, asOf: string, id: string, from: string, until: string): Promise<void> {
  try {
    await startChild(trainToDeploy, {
      workflowId: id,
      args: [{ project, asOf, trigger: 'monitor' }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      staticSummary: `Retrain ${project}: quality fell between ${from} and ${until}`,
      typedSearchAttributes: [{ key: mlTrigger, value: 'monitor' }],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

function tagRun({ summary }: MonitoredWindow): void {
  if (summary.driftScore !== null) upsertSearchAttributes([{ key: mlDriftScore, value: summary.driftScore }]);
  if (summary.version !== null) upsertSearchAttributes([{ key: mlVersion, value: String(summary.version) }]);
}

function windowDetails({ verdict, reasons, summary }: MonitoredWindow): string {
  const estimate = (e: typeof summary.quality): string =>
    e === null ? '' : `${e.value.toFixed(4)} (${e.lower.toFixed(4)} to ${e.upper.toFixed(4)})`;
  const table = markdownTable(
    ['verdict', 'rows', 'labelled', 'quality (AUC)', 'baseline', 'largest PSI', 'version'],
    [
      [
        `**${verdict}**`,
        String(summary.rows),
        `${(100 * summary.labelledShare).toFixed(1)} %`,
        estimate(summary.quality),
        estimate(summary.baselineQuality),
        summary.driftScore?.toFixed(3) ?? '',
        summary.version === null ? '' : String(summary.version),
      ],
    ],
  );
  return `${table}\n\n${reasons.map((r) => `- ${r}`).join('\n')}`;
}

function decisionDetails({ action, reasons, retraining: id }: RetrainingDecision): string {
  const started = id === null ? '' : `\n\nStarted \`${id}\`.`;
  return `**Action: ${action}**\n\n${reasons.map((r) => `- ${r}`).join('\n')}${started}`;
}
