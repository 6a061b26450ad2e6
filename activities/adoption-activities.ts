import type { BegunAdoption, BeginAdoptionInput, RecordAdoptionInput } from '../contracts/adopt-version.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { ArtifactRef } from '../contracts/references.ts';
import type { ParityResult } from '../contracts/train-model.ts';
import type { ModelFile } from '../contracts/training.ts';
import { MODEL_FILE, MODEL_FOLDER } from '../registry/mlmodel.ts';
import { LARGEST_MLMODEL, signatureColumns } from '../registry/models/mlmodel.ts';
import type { ModelVersionRecord } from '../registry/model-versions.ts';
import { readOnnxSignature } from '../registry/onnx-signature.ts';
import type { Run } from '../registry/tracking.ts';
import { adoptedModelCard } from './adopted-model-card.ts';
import { clientFiles, type ClientFiles } from './client-files.ts';
import { clientOrigin } from './client-origin.ts';
import { featuresOf } from './compliance-facts.ts';
import { measureParity } from './measure-parity.ts';
import { pinnedRules, versionToPromote } from './pinned-candidate.ts';
import { readBundle } from './pinned-bundles.ts';
import { pinProject, type ProjectDependencies } from './project-activities.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';
import type { TrainingInputs } from './training-inputs.ts';

export type AdoptionActivities = ReturnType<typeof createAdoptionActivities>;

type Dependencies = PromotionDependencies & ProjectDependencies;

/** Gives a version that a registry client brought the lineage that all gates, serving and monitoring rest on. */
export function createAdoptionActivities(deps: Dependencies) {
  const { registry, artifacts } = deps;
  return {
    /**
     * Pins the project of the model's name as its folder is, by today's policy, and the version's ONNX file. Where there
     * is none, or no ONNX, the candidate is `unusable`.
     *
     * @throws UnknownProject, DirtyProject
     */
    async beginAdoption({ input, now }: BeginAdoptionInput): Promise<BegunAdoption> {
      const { record, requestedBy } = await versionToPromote(registry, input);
      const { model, version } = record;
      const pinned = await pinProject(deps, model, true);
      const onnx = await registry.resolveVersionArtifact(model, version);
      const unusable = onnx === null ? NO_FILE : await faultOf(deps, onnx);
      return {
        candidate: {
          environment: deps.environment,
          pinned,
          model,
          version,
          runId: record.runId ?? '',
          asOf: now,
          snapshot: 0,
          ...(onnx === null ? {} : { modelDigest: onnx.sha256 }),
          ...(requestedBy === undefined ? {} : { requester: requestedBy }),
          ...(unusable === undefined ? {} : { unusable }),
          ...pinnedRules(await readBundle(artifacts, pinned)),
        },
        onnx,
        columns: await columnsOf(deps, record),
      };
    },

    /** Logs the evaluation as a run of the engine, and links the version to it. */
    async recordAdoption(input: RecordAdoptionInput): Promise<{ readonly runId: string }> {
      const { candidate, onnx, workflowId } = input;
      const { model, version } = candidate;
      if (onnx === null) throw new SuperstepError('UnknownModel', `${model} version ${version} has no ONNX file`);
      const record = await registry.getModelVersion(model, version);
      const source = record.runId === null ? undefined : await registry.getRun(record.runId);
      // As the predictor names them: by the file's own metadata first.
      const features = await featuresOf(artifacts, scoredBy(input.columns, onnx));
      const files = await clientFiles(deps, record, source, features);
      const { runId } = await logEvaluation(deps, { ...input, onnx }, { record, source, files });
      return { runId: await registry.linkEvaluation({ model, version, runId, workflowId }) };
    },
  };
}

const NO_FILE =
  'it has no ONNX file here: its source must be a folder on this server with an `MLmodel` file, of at most 512 KiB and 5,000 tokens of YAML, that names one under flavors.onnx.data, and none but that one for Python, without code beside it (docs/registry-clients.md)';

/** What keeps a file from being evaluated at all, as far as can be told without running it. */
async function faultOf({ artifacts }: Dependencies, onnx: ArtifactRef): Promise<string | undefined> {
  try {
    readOnnxSignature(await artifacts.readBytes(onnx));
    return undefined;
  } catch (error) {
    if (error instanceof SuperstepError && error.type === 'UnsupportedOperator') return error.message;
    throw error;
  }
}

async function columnsOf({ registry, artifacts }: Dependencies, record: ModelVersionRecord) {
  const mlmodel = await registry.versionFile(record, 'MLmodel');
  if (mlmodel === undefined || mlmodel.bytes > LARGEST_MLMODEL) return null;
  return signatureColumns((await artifacts.readBytes(mlmodel)).toString('utf8')) ?? null;
}

interface ClientVersion {
  readonly record: ModelVersionRecord;
  /** Of the client. */
  readonly source: Run | undefined;
  readonly files: ClientFiles;
}

/** One evaluation is one run: of this file, on this snapshot, by this project. */
async function logEvaluation(
  deps: Dependencies,
  input: RecordAdoptionInput & { readonly onnx: ArtifactRef },
  version: ClientVersion,
): Promise<{ readonly runId: string }> {
  const { registry, artifacts } = deps;
  const { candidate, onnx, dataset, evaluation, workflowId } = input;
  const { pinned, model } = candidate;
  const { record, source, files } = version;
  const client = clientOrigin(record, source, files);
  const parity = await parityOf(deps, input, files);
  const inputs: TrainingInputs = {
    pinned,
    dataset,
    parity,
    trigger: 'manual',
    workflowId,
    params: source?.params ?? {},
    trials: [],
    client: { ...client, version: record.version },
    ...(input.columns === null ? {} : { columns: input.columns }),
  };
  const card =
    'file' in files.modelCard
      ? files.modelCard.file
      : await artifacts.putBytes(Buffer.from(await adoptedModelCard(artifacts, record, inputs, evaluation)));
  return registry.logRun({
    naturalKey: `evaluation/${model}/${record.version}/${onnx.sha256}/${dataset.snapshot}/${pinned.projectDigest}`,
    experiment: pinned.project,
    name: `evaluation of ${model} version ${record.version}`,
    params: {},
    metrics: {
      auc: evaluation.auc.value,
      auc_lower: evaluation.auc.lower,
      auc_upper: evaluation.auc.upper,
      log_loss: evaluation.logLoss,
      brier: evaluation.brier,
      holdout_rows: evaluation.rows,
      ...(parity === null ? {} : { parity_max_difference: parity.maxDifference }),
    },
    tags: {
      'superstep.workflow_id': workflowId,
      'superstep.evaluates': `${model}/${record.version}`,
      'superstep.as_of': dataset.asOf,
      'superstep.snapshot': String(dataset.snapshot),
      'superstep.project_digest': pinned.projectDigest,
      'superstep.policy_digest': pinned.policyDigest,
      ...(source === undefined ? {} : { 'superstep.source_run': source.runId }),
    },
    artifacts: {
      [`${MODEL_FOLDER}/${MODEL_FILE}`]: onnx,
      'dataset.parquet': dataset.data,
      'evaluation.json': evaluation.report,
      'baseline-profile.json': evaluation.baselineProfile,
      'project.json': pinned.bundle,
      'model-card.md': card,
      ...('file' in files.paritySample ? { 'parity-sample.json': files.paritySample.file } : {}),
      ...('file' in files.importance ? { 'importance.json': files.importance.file } : {}),
    },
    inputs: { ...inputs },
  });
}

/** Against the client's own sample; null where there is none that can be read. */
async function parityOf(
  deps: Dependencies,
  { onnx, columns }: { readonly onnx: ArtifactRef; readonly columns: readonly string[] | null },
  { paritySample }: ClientFiles,
): Promise<ParityResult | null> {
  if (!('file' in paritySample)) return null;
  return measureParity(deps, { ...scoredBy(columns, onnx), sample: paritySample.file, threads: 1 });
}

function scoredBy(columns: readonly string[] | null, onnx: ArtifactRef): ModelFile {
  return { onnx, ...(columns === null ? {} : { features: columns }) };
}
