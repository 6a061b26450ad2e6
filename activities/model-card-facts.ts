import type { ModelCardFacts } from '../console/model-card.ts';
import type { CandidateEvidence, SliceMetrics } from '../contracts/evidence.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { RegisterTrainedModelInput } from '../contracts/train-model.ts';
import type { DatasetRef } from '../contracts/training.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { EvaluationReport } from './held-out.ts';

const DAY_MS = 86_400_000;

/** What the model card of a training says; all of it follows from the training itself. */
export async function modelCardFacts(
  artifacts: ArtifactStore,
  { definition, policy }: PinnedBundle,
  { pinned, dataset, trained, evaluation, workflowId }: RegisterTrainedModelInput,
): Promise<ModelCardFacts> {
  const report = await artifacts.readJson<EvaluationReport>(evaluation.report);
  return {
    model: pinned.model,
    project: pinned.project,
    description: definition.description,
    owner: definition.owner,
    algorithm: 'gradient-boosted trees (LightGBM), served as ONNX',
    label: definition.training.label,
    features: definition.training.features,
    sources: Object.keys(definition.sources),
    params: trained.params,
    createdFrom: {
      projectDigest: pinned.projectDigest,
      policyDigest: pinned.policyDigest,
      commit: pinned.commit,
      clean: pinned.clean,
      snapshot: dataset.snapshot,
      asOf: dataset.asOf,
      workflowId,
    },
    data: dataWindow(dataset, report.evaluation),
    metrics: report.evaluation,
    confidence: policy.comparison.confidence,
    slices: sliceMetrics(report),
  };
}

/** The window that trained and the one that judged. */
export function dataWindow(
  dataset: DatasetRef,
  heldOut: { readonly rows: number; readonly positives: number },
): CandidateEvidence['data'] {
  return {
    trainFrom: dataset.from,
    holdoutFrom: dataset.holdoutFrom,
    until: dataset.until,
    trainRows: dataset.rows - heldOut.rows,
    holdoutRows: heldOut.rows,
    positives: heldOut.positives,
    newestTrainingRowAgeDays: (Date.parse(dataset.asOf) - Date.parse(dataset.holdoutFrom)) / DAY_MS,
  };
}

/** Slices with both labels, named `column=value`. */
export function sliceMetrics({ sliceBy, slices }: EvaluationReport): SliceMetrics[] {
  return slices.flatMap(({ slice, rows, auc }) => (auc === null ? [] : [{ slice: `${sliceBy}=${slice}`, rows, auc }]));
}
