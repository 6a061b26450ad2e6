import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { WorkflowStatus } from '../../contracts/messages.ts';
import type { MonitorModelResult } from '../../contracts/monitor-model.ts';
import type { RefreshFeaturesResult } from '../../contracts/refresh-features.ts';
import type { ScoreBatchResult } from '../../contracts/score-batch.ts';
import type { TrainToDeployResult } from '../../contracts/train-to-deploy.ts';
import { workflowId } from '../../contracts/workflow-ids.ts';
import { answerGate } from './answer-gate.ts';
import { type Answer, askEndpoint } from './ask-endpoint.ts';
import type { TemporalCommands } from './temporal-commands.ts';
import { type Week, weeksBetween } from './weeks.ts';

/** What the demo plays on. */
export interface Stage {
  readonly project: string;
  readonly namespace: string;
  readonly from: string;
  readonly until: string;
  readonly client: Client;
  readonly commands: TemporalCommands;
  readonly endpoint: string;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface WeekStory {
  readonly week: Week;
  readonly monitor: MonitorModelResult;
  readonly scored: ScoreBatchResult;
}

/** A superstep as it went, with the endpoint's answer before and after. */
export interface SuperstepStory {
  readonly id: string;
  readonly asOf: string;
  readonly why: string;
  readonly result: TrainToDeployResult;
  readonly before: Answer | undefined;
  readonly after: Answer | undefined;
  /** Wall time (ISO) at which its gate first waited for a person; null when it never did. */
  readonly waitedFrom: string | null;
}

export interface TimeLapse {
  readonly weeks: readonly WeekStory[];
  readonly supersteps: readonly SuperstepStory[];
}

/** Plays the whole story: a first superstep, then week after week refresh, scores, monitor, and what the monitor starts. */
export async function playTimeLapse(stage: Stage): Promise<TimeLapse> {
  const { project, from, commands, print } = stage;
  print(`\nIt is ${day(from)}. Two months of flights are known, and nothing is in Production.`);
  await refresh(stage, from);
  const first = workflowId('trainToDeploy', project, day(from));
  const supersteps = [
    await watchSuperstep(stage, { id: first, asOf: from, why: 'first model' }, () =>
      commands.start({
        type: 'trainToDeploy',
        workflowId: first,
        input: { project, asOf: from },
        summary: `First model of ${project}`,
      }),
    ),
  ];
  const weeks: WeekStory[] = [];
  for (const week of weeksBetween(from, stage.until)) {
    stage.signal.throwIfAborted();
    print(`\nWeek of ${day(week.from)}, seen on ${week.asOf.slice(0, 16).replace('T', ' ')}`);
    await refresh(stage, week.asOf);
    const scored = await score(stage, week);
    const monitor = await monitorWeek(stage, week);
    weeks.push({ week, scored, monitor });
    if (monitor.retraining !== null) {
      const why = monitor.reasons.join(' ');
      supersteps.push(
        await watchSuperstep(stage, { id: monitor.retraining, asOf: week.asOf, why }, () => Promise.resolve()),
      );
    }
  }
  return { weeks, supersteps };
}

async function refresh({ project, commands, print }: Stage, asOf: string): Promise<void> {
  const result = await commands.execute<RefreshFeaturesResult>({
    type: 'refreshFeatures',
    workflowId: workflowId('refreshFeatures', project, asOf),
    input: { project, asOf },
    summary: `Refresh ${project} as of ${asOf}`,
  });
  const flights = result.tables.find((table) => table.table.startsWith('bronze.'));
  print(`  ${result.outcome}: ${flights?.rows ?? 0} rows new or completed, snapshot ${result.snapshot}`);
}

async function score({ project, commands, print }: Stage, { from, until }: Week): Promise<ScoreBatchResult> {
  const result = await commands.execute<ScoreBatchResult>({
    type: 'scoreBatch',
    workflowId: workflowId('scoreBatch', project, day(from)),
    input: { project, from, until },
    summary: `Score ${project}, ${day(from)} to ${day(until)}`,
  });
  print(`  ${result.outcome}: ${result.rows} predictions by version ${result.version}`);
  return result;
}

async function monitorWeek(
  { project, commands, print }: Stage,
  { from, until, asOf }: Week,
): Promise<MonitorModelResult> {
  const result = await commands.execute<MonitorModelResult>({
    type: 'monitorModel',
    workflowId: workflowId('monitorModel', project, day(from)),
    input: { project, from, until, asOf },
    summary: `Monitor ${project}, ${day(from)} to ${day(until)}`,
  });
  print(`  ${result.outcome}, action: ${result.action}`);
  for (const reason of shortReasons(result)) print(`    ${reason}`);
  return result;
}

/** The monitor's reasons with its drifted columns, which can be many, as one line. */
function shortReasons({ reasons, window }: MonitorModelResult): string[] {
  const { driftedColumns, driftScore } = window;
  const others = reasons.filter((reason) => !/ drifted: PSI/.test(reason));
  if (driftedColumns.length === 0) return others;
  return [
    `${driftedColumns.length} of the columns drifted, largest PSI ${driftScore?.toFixed(2) ?? ''}: ${driftedColumns.slice(0, 3).join(', ')}`,
    ...others,
  ];
}

/** Follows a superstep to its end, whoever started it, and answers its gate when it waits. */
async function watchSuperstep(
  stage: Stage,
  { id, asOf, why }: Pick<SuperstepStory, 'id' | 'asOf' | 'why'>,
  start: () => Promise<void>,
): Promise<SuperstepStory> {
  const { client, print, project, endpoint } = stage;
  const before = await askEndpoint(endpoint, project);
  await start();
  print(`  Superstep ${id}`);
  const handle = client.workflow.getHandle(id);
  const ended = new AbortController();
  const result = (handle.result() as Promise<TrainToDeployResult>).finally(() => ended.abort());
  const [outcome, waitedFrom] = await Promise.all([result, answerGates(stage, id, ended.signal)]);
  const after = await askEndpoint(endpoint, project);
  print(`  ${outcome.outcome}: ${told(outcome)}`);
  print(`  The endpoint, asked about a Friday evening flight: before ${shown(before)}, after ${shown(after)}`);
  return { id, asOf, why, result: outcome, before, after, waitedFrom };
}

/**
 * Says which phase a superstep is in, and answers the gate of its promotion each time it waits on new evidence. Gives the
 * wall time at which it first waited.
 */
async function answerGates(stage: Stage, id: string, ended: AbortSignal): Promise<string | null> {
  const { client, print, commands } = stage;
  let phase = '';
  let answered = '';
  let waitedFrom: string | null = null;
  while (!ended.aborted) {
    stage.signal.throwIfAborted();
    const superstep = await statusOf(client, id);
    if (superstep !== undefined && superstep.phase !== phase) print(`    phase: ${(phase = superstep.phase)}`);
    if (phase === 'promote') {
      const promotion = /promote-model\/[\w-]+\/\d+/.exec(superstep?.details ?? '')?.[0];
      const gate = promotion === undefined ? undefined : (await statusOf(client, promotion))?.waitsFor;
      if (gate !== undefined && gate.evidenceDigest !== answered) {
        waitedFrom ??= new Date().toISOString();
        await answerGate(gate, commands, print);
        answered = gate.evidenceDigest;
      }
    }
    await pause(300, undefined, { signal: ended }).catch(() => undefined);
  }
  return waitedFrom;
}

/** A run that is not there yet, or whose worker is busy, has no status for the moment. */
async function statusOf(client: Client, id: string): Promise<WorkflowStatus | undefined> {
  try {
    return await client.workflow.getHandle(id).query<WorkflowStatus>('status');
  } catch {
    return undefined;
  }
}

function told({ promotion, training }: TrainToDeployResult): string {
  const comparison = promotion?.gates.find((gate) => gate.gate === 'comparison');
  return `version ${training?.version ?? '?'}${comparison === undefined ? '' : `. ${comparison.summary}`}`;
}

function shown(answer: Answer | undefined): string {
  return answer === undefined
    ? 'nothing served'
    : `${(100 * answer.probability).toFixed(1)} % late (version ${answer.version})`;
}

function day(instant: string): string {
  return instant.slice(0, 10);
}
