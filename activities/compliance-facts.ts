import type { PinnedPromotion } from '../contracts/promote-model.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { ComplianceFacts } from '../registry/compliance-gate.ts';
import type { Registry } from '../registry/registry.ts';
import { loadPredictor } from '../serving/predictor.ts';
import type { EvaluationReport } from './held-out.ts';
import { readBundle } from './pinned-bundles.ts';
import { artifactOf, readLineage } from './training-inputs.ts';

/** What the compliance gate judges, read from the registry and from the artifact itself, not from what training said of it. */
export async function complianceFacts(
  { registry, artifacts }: { readonly registry: Registry; readonly artifacts: ArtifactStore },
  { model, version, pinned }: Pick<PinnedPromotion, 'model' | 'version' | 'pinned'>,
): Promise<ComplianceFacts> {
  const record = await registry.getModelVersion(model, version);
  const { run, inputs, onnx } = await readLineage(registry, record);
  const { definition, riskTier } = await readBundle(artifacts, pinned);
  const report = await artifacts.readJson<EvaluationReport>(artifactOf(run, 'evaluation.json'));
  const card = run.artifacts['model-card.md'];
  return {
    model,
    version,
    projectFeatures: definition.training.features,
    modelFeatures: await featuresOf(artifacts.path(onnx), onnx.sha256),
    parity: inputs.parity,
    lineage: {
      snapshot: inputs.dataset.snapshot,
      projectDigest: pinned.projectDigest,
      datasetSha256: inputs.dataset.data.sha256,
    },
    modelCard: card !== undefined && card.bytes > 0,
    commit: pinned.commit,
    clean: pinned.clean,
    riskTier,
    tags: record.tags,
    overall: { slice: 'all', rows: report.evaluation.rows, auc: report.evaluation.auc },
    slices: report.slices.map(({ slice, rows, auc }) => ({ slice: `${report.sliceBy}=${slice}`, rows, auc })),
    asOf: inputs.dataset.asOf,
    newestTrainingRow: inputs.dataset.holdoutFrom,
  };
}

/** The features that the artifact itself declares; a file that is not what the registry says is a `ChecksumMismatch`. */
async function featuresOf(file: string, sha256: string): Promise<readonly string[]> {
  const predictor = await loadPredictor(file, { threads: 1, expectedSha256: sha256 });
  try {
    return predictor.features;
  } finally {
    await predictor.release();
  }
}
