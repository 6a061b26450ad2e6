import type { ScoringModel } from '../contracts/score-batch.ts';
import type { LoggedRun, RegisteredVersion, RegisterTrainedModelInput } from '../contracts/train-model.ts';
import { renderModelCard } from '../console/model-card.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import { buildMlmodel, logModelHistory, MODEL_FILE, MODEL_FOLDER, type Mlmodel } from '../registry/mlmodel.ts';
import { idFromKey } from '../registry/natural-keys.ts';
import { readOnnxSignature } from '../registry/onnx-signature.ts';
import type { Registry } from '../registry/registry.ts';
import { modelCardFacts } from './model-card-facts.ts';
import { readBundle } from './pinned-bundles.ts';
import { modelFile, readLineage, type TrainingInputs } from './training-inputs.ts';

export type RegistrationActivities = ReturnType<typeof createRegistrationActivities>;

/** What a training writes into the registry, and what others read of it. */
export function createRegistrationActivities({
  registry,
  artifacts,
}: {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
}) {
  return {
    /** Logs params, metrics, artifacts and lineage of a training, without being asked for. */
    async logTrainingRun(input: RegisterTrainedModelInput): Promise<LoggedRun> {
      const { pinned, dataset, trained, parity, evaluation, asOf, trigger, workflowId } = input;
      const bundle = await readBundle(artifacts, pinned);
      const inputs: TrainingInputs = {
        pinned,
        dataset,
        parity,
        trigger,
        workflowId,
        params: trained.params,
        trials: trained.trials,
      };
      const metrics = {
        auc: evaluation.auc.value,
        auc_lower: evaluation.auc.lower,
        auc_upper: evaluation.auc.upper,
        log_loss: evaluation.logLoss,
        brier: evaluation.brier,
        train_rows: trained.trainRows,
        holdout_rows: trained.holdoutRows,
        parity_max_difference: parity.maxDifference,
      };
      const card = renderModelCard(await modelCardFacts(artifacts, bundle, input));
      const mlmodel = await mlmodelOf(artifacts, input);
      const { runId } = await registry.logRun({
        naturalKey: trainingKey(input),
        experiment: pinned.project,
        name: `${pinned.model} as of ${asOf}`,
        params: { ...trained.params, seed: bundle.definition.training.trainer.seed, features: dataset.features.length },
        metrics,
        tags: {
          'superstep.workflow_id': workflowId,
          'superstep.trigger': trigger,
          'superstep.as_of': asOf,
          'superstep.snapshot': String(dataset.snapshot),
          'superstep.project_digest': pinned.projectDigest,
          'superstep.policy_digest': pinned.policyDigest,
          ...(pinned.commit === null ? {} : { 'superstep.commit': pinned.commit }),
          'mlflow.log-model.history': logModelHistory(mlmodel),
        },
        artifacts: {
          [`${MODEL_FOLDER}/MLmodel`]: await artifacts.putJson(mlmodel),
          [`${MODEL_FOLDER}/${MODEL_FILE}`]: trained.onnx,
          'model.txt': trained.native,
          'dataset.parquet': dataset.data,
          'importance.json': trained.importance,
          'parity-sample.json': trained.paritySample,
          'evaluation.json': evaluation.report,
          'baseline-profile.json': evaluation.baselineProfile,
          'project.json': pinned.bundle,
          'model-card.md': await artifacts.putBytes(Buffer.from(card)),
        },
        inputs: { ...inputs },
      });
      return { runId, metrics };
    },

    async registerModelVersion(
      input: RegisterTrainedModelInput & { readonly runId: string },
    ): Promise<RegisteredVersion> {
      const { definition } = await readBundle(artifacts, input.pinned);
      return registry.registerModelVersion({
        naturalKey: trainingKey(input),
        model: input.pinned.model,
        runId: input.runId,
        onnx: input.trained.onnx,
        description: definition.description,
        tags: { owner: definition.owner, 'superstep.as_of': input.asOf, 'superstep.trigger': input.trigger },
        owner: definition.owner,
      });
    },

    async requestStaging({
      model,
      version,
      workflowId,
    }: RegisteredVersion & { readonly workflowId: string }): Promise<void> {
      await registry.requestTransition({
        naturalKey: `staging/${model}/${version}`,
        model,
        version,
        to: 'Staging',
        requestedBy: 'superstep',
        workflowId,
      });
    },

    /** The version that serves now, pinned by digest; null while nothing is in Production. */
    async selectProductionModel({ model }: { readonly model: string }): Promise<ScoringModel | null> {
      const version = await registry.productionVersion(model);
      if (version === undefined) return null;
      const lineage = await readLineage(registry, version);
      return { model, version: version.version, ...modelFile(lineage), pinned: lineage.inputs.pinned };
    },
  };
}

/**
 * One training is one run and one version: the same workflow on the same snapshot, as-of and project finds its own
 * result, also after a reset.
 */
function trainingKey({ workflowId, pinned, dataset, asOf }: RegisterTrainedModelInput): string {
  return `training/${workflowId}/${pinned.projectDigest}/${dataset.snapshot}/${asOf}`;
}

/** What lets MLflow's clients load the model. Its instant is the as-of: the same training writes the same file. */
async function mlmodelOf(artifacts: ArtifactStore, input: RegisterTrainedModelInput): Promise<Mlmodel> {
  const { onnx } = input.trained;
  return buildMlmodel({
    runId: idFromKey('run', trainingKey(input)),
    createdAt: input.asOf,
    bytes: onnx.bytes,
    sha256: onnx.sha256,
    signature: readOnnxSignature(await artifacts.readBytes(onnx)),
  });
}
