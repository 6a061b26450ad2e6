import type { PinnedPromotion } from '../contracts/promote-model.ts';
import type { ModelFile } from '../contracts/training.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { ComplianceFacts } from '../registry/compliance-gate.ts';
import type { Registry } from '../registry/registry.ts';
import { featureNames, readMetadata } from '../serving/onnx-metadata.ts';
import { COMMIT_TAG } from './client-origin.ts';
import type { EvaluationReport } from './held-out.ts';
import { readBundle } from './pinned-bundles.ts';
import { artifactOf, modelFile, readLineage } from './training-inputs.ts';

/** What the compliance gate judges, read from the registry and from the artifact itself, not from what training said of it. */
export async function complianceFacts(
  { registry, artifacts }: { readonly registry: Registry; readonly artifacts: ArtifactStore },
  { model, version, pinned }: Pick<PinnedPromotion, 'model' | 'version' | 'pinned'>,
): Promise<ComplianceFacts> {
  const record = await registry.getModelVersion(model, version);
  const lineage = await readLineage(registry, record);
  const { run, inputs } = lineage;
  const { client } = inputs;
  const { definition, riskTier } = await readBundle(artifacts, pinned);
  const report = await artifacts.readJson<EvaluationReport>(artifactOf(run, 'evaluation.json'));
  const card = run.artifacts['model-card.md'];
  return {
    model,
    version,
    projectFeatures: definition.training.features,
    modelFeatures: await featuresOf(artifacts, modelFile(lineage)),
    parity: inputs.parity,
    lineage: {
      snapshot: inputs.dataset.snapshot,
      projectDigest: pinned.projectDigest,
      datasetSha256: inputs.dataset.data.sha256,
    },
    modelCard: card !== undefined && card.bytes > 0,
    commit: client === undefined ? pinned.commit : (client.code[COMMIT_TAG] ?? null),
    // MLflow's clients write down the commit, and nothing of what differs from it.
    clean: client === undefined ? pinned.clean : null,
    madeElsewhere: client !== undefined,
    riskTier,
    tags: record.tags,
    overall: { slice: 'all', rows: report.evaluation.rows, auc: report.evaluation.auc },
    slices: report.slices.map(({ slice, rows, auc }) => ({ slice: `${report.sliceBy}=${slice}`, rows, auc })),
    asOf: inputs.dataset.asOf,
    // What trained a client's model is not known.
    newestTrainingRow: client === undefined ? inputs.dataset.holdoutFrom : null,
  };
}

/** The features that the artifact declares, itself or by its signature; a file that is not what the registry says is a `ChecksumMismatch`. */
export async function featuresOf(artifacts: ArtifactStore, { onnx, features }: ModelFile): Promise<readonly string[]> {
  // Never loaded here: a client's file may crash the process that does.
  return featureNames(readMetadata(await artifacts.readBytes(onnx), onnx.sha256), features, onnx.sha256);
}
