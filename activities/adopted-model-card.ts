import { renderModelCard } from '../console/model-card.ts';
import type { EvaluationSummary } from '../contracts/train-model.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { ModelVersionRecord } from '../registry/model-versions.ts';
import type { EvaluationReport } from './held-out.ts';
import { dataWindow, sliceMetrics } from './model-card-facts.ts';
import { readBundle } from './pinned-bundles.ts';
import type { TrainingInputs } from './training-inputs.ts';

/** A model card for a version whose client wrote none: what is known of it, and what is not. */
export async function adoptedModelCard(
  artifacts: ArtifactStore,
  record: ModelVersionRecord,
  { pinned, dataset, params, workflowId, client }: TrainingInputs,
  evaluation: EvaluationSummary,
): Promise<string> {
  const { definition, policy } = await readBundle(artifacts, pinned);
  const report = await artifacts.readJson<EvaluationReport>(evaluation.report);
  return renderModelCard({
    model: record.model,
    version: record.version,
    project: pinned.project,
    description: record.description.trim() === '' ? definition.description : record.description,
    owner: record.owner === '' ? definition.owner : record.owner,
    algorithm: 'not known: a registry client brought it as ONNX',
    label: definition.training.label,
    features: definition.training.features,
    sources: Object.keys(definition.sources),
    params,
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
    ...(client === undefined ? {} : { client }),
  });
}
