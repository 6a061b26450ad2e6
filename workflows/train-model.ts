import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { mlTrigger, mlVersion } from '../contracts/search-attributes.ts';
import type {
  EvaluationSummary,
  RegisterTrainedModelInput,
  TrainModelInput,
  TrainModelResult,
} from '../contracts/train-model.ts';
import type { DatasetRef, TrainedModel } from '../contracts/training.ts';
import { acceptInput } from './accept.ts';
import { datasets, registration, training } from './activities.ts';
import { beginStory, markdownTable } from './story.ts';

/**
 * Trains one model on a pinned snapshot and registers it: point-in-time rows, tuning, training, parity of the artifact
 * with the trainer, evaluation of the artifact on the held-out window. The version starts at stage None and asks for
 * Staging.
 */
export async function trainModel(input: TrainModelInput): Promise<TrainModelResult> {
  const story = beginStory('Training');
  const { pinned, asOf, input: accepted } = await acceptInput<TrainModelInput>('trainModel', input, story);
  const trigger = accepted.trigger ?? 'manual';
  upsertSearchAttributes([{ key: mlTrigger, value: trigger }]);

  story.phase('dataset', 'Joining features to the rows of the spine, point in time.');
  const dataset = await datasets.prepareTrainingData.executeWithOptions({ summary: `rows known at ${asOf}` }, [
    { pinned, asOf, ...(accepted.snapshot === undefined ? {} : { snapshot: accepted.snapshot }) },
  ]);

  story.phase('train', datasetDetails(dataset));
  const trained = await training.trainModel.executeWithOptions({ summary: `tune and train on ${dataset.rows} rows` }, [
    { pinned, dataset },
  ]);

  story.phase('evaluate', `${datasetDetails(dataset)}\n\n${trainedDetails(trained)}`);
  const parity = await training.checkParity.executeWithOptions({ summary: 'the artifact against the trainer' }, [
    { pinned, trained },
  ]);
  const evaluation = await datasets.evaluateModel.executeWithOptions(
    { summary: `evaluate on the last ${trained.holdoutRows} rows` },
    [{ pinned, dataset, trained }],
  );

  story.phase('register', evaluationDetails(dataset, trained, evaluation));
  const facts: RegisterTrainedModelInput = {
    pinned,
    workflowId: workflowInfo().workflowId,
    asOf,
    trigger,
    dataset,
    trained,
    parity,
    evaluation,
  };
  const run = await registration.logTrainingRun.executeWithOptions(
    { summary: 'log params, metrics, artifacts, lineage' },
    [facts],
  );
  const registered = await registration.registerModelVersion.executeWithOptions(
    { summary: `register a version of ${pinned.model}` },
    [{ ...facts, runId: run.runId }],
  );
  upsertSearchAttributes([{ key: mlVersion, value: String(registered.version) }]);
  await registration.requestStaging.executeWithOptions(
    { summary: `ask for Staging of version ${registered.version}` },
    [{ ...registered, workflowId: facts.workflowId }],
  );

  story.phase(
    'done',
    `Registered **${registered.model} version ${registered.version}**.\n\n${evaluationDetails(dataset, trained, evaluation)}`,
  );
  return {
    outcome: 'registered',
    ...registered,
    runId: run.runId,
    snapshot: dataset.snapshot,
    onnx: trained.onnx,
    metrics: run.metrics,
  };
}

function datasetDetails(dataset: DatasetRef): string {
  const share = ((100 * dataset.positives) / dataset.rows).toFixed(1);
  return markdownTable(
    ['rows', 'positives', 'from', 'held out from', 'until', 'snapshot', 'features'],
    [
      [
        String(dataset.rows),
        `${share} %`,
        dataset.from,
        dataset.holdoutFrom,
        dataset.until,
        String(dataset.snapshot),
        String(dataset.features.length),
      ],
    ],
  );
}

function trainedDetails(trained: TrainedModel): string {
  const trials = trained.trials.map((t, i) => [String(i + 1), JSON.stringify(t.params), t.auc.toFixed(4)]);
  return trials.length === 0 ? '' : markdownTable(['trial', 'parameters', 'AUC'], trials);
}

function evaluationDetails(dataset: DatasetRef, trained: TrainedModel, evaluation: EvaluationSummary): string {
  const { value, lower, upper } = evaluation.auc;
  return [
    datasetDetails(dataset),
    trainedDetails(trained),
    `Held-out AUC **${value.toFixed(4)}** (${lower.toFixed(4)} to ${upper.toFixed(4)}), log-loss ${evaluation.logLoss.toFixed(4)}.`,
  ].join('\n\n');
}
