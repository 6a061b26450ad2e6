import { renderEvidencePage } from '../console/evidence-page.ts';
import {
  type CandidateEvidence,
  type ClientOrigin,
  EVIDENCE_SCHEMA,
  type FeatureImportance,
} from '../contracts/evidence.ts';
import type { PreparedEvidence, PrepareEvidenceInput } from '../contracts/promote-model.ts';
import { canonicalJson, sha256Hex } from '../registry/canonical-json.ts';
import type { ComparisonReport } from './compare-on-held-out.ts';
import type { EvaluationReport } from './held-out.ts';
import { decisionCommands } from './decision-commands.ts';
import { earlierStaysOf } from './earlier-stays.ts';
import { dataWindow, sliceMetrics } from './model-card-facts.ts';
import { readBundle } from './pinned-bundles.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';
import { artifactOf, readLineage, type TrainingInputs } from './training-inputs.ts';

/** Gathers what the approval rests on, takes its digest, and writes the page that a person looks at. */
export async function prepareEvidence(
  deps: PromotionDependencies,
  input: PrepareEvidenceInput,
): Promise<PreparedEvidence> {
  const { artifacts } = deps;
  const evidence = await gatherEvidence(deps, input);
  const digest = sha256Hex(canonicalJson(evidence));
  const commands = decisionCommands(deps, input, digest);
  const page = await renderEvidencePage({ evidence, digest, commands });
  const pageRef = await artifacts.putBytes(Buffer.from(page));
  return {
    digest,
    document: await artifacts.putJson(evidence),
    page: pageRef,
    url: `${deps.evidenceUrl}/${deps.environment}/evidence/${pageRef.sha256}`,
    commands,
  };
}

async function gatherEvidence(deps: PromotionDependencies, input: PrepareEvidenceInput): Promise<CandidateEvidence> {
  const { artifacts, registry } = deps;
  const { candidate, comparison, gates } = input;
  const { run, inputs } = await readLineage(
    registry,
    await registry.getModelVersion(candidate.model, candidate.version),
  );
  const { dataset, params, trials, workflowId, client } = inputs;
  const earlierStays = earlierStaysOf(candidate.version, await registry.productionHistory(candidate.model));
  const importance = run.artifacts['importance.json'];
  const { definition, policy } = await readBundle(artifacts, candidate.pinned);
  const evaluation = await artifacts.readJson<EvaluationReport>(artifactOf(run, 'evaluation.json'));
  const compared = await artifacts.readJson<ComparisonReport>(comparison.report);
  const floors = [definition.gates.compliance.slices?.auc_at_least, policy.compliance.slices?.auc_at_least].filter(
    (f) => f !== undefined,
  );
  return {
    schema: EVIDENCE_SCHEMA,
    environment: candidate.environment,
    model: candidate.model,
    version: candidate.version,
    createdFrom: {
      runId: run.runId,
      projectDigest: candidate.pinned.projectDigest,
      policyDigest: candidate.pinned.policyDigest,
      commit: candidate.pinned.commit,
      clean: candidate.pinned.clean,
      snapshot: candidate.snapshot,
      asOf: candidate.asOf,
      workflowId,
    },
    ...(client === undefined ? {} : { client: shownOrigin(client) }),
    ...(earlierStays.length === 0 ? {} : { earlierStays }),
    data: dataWindow(dataset, evaluation.evaluation),
    gates,
    metrics: {
      challenger: compared.challenger,
      reference: {
        kind: comparison.reference,
        ...(comparison.champion === null ? {} : { version: comparison.champion }),
        metrics: compared.reference,
      },
      difference: comparison.difference,
      margin: comparison.margin,
      confidence: comparison.confidence,
    },
    importance: importance === undefined ? [] : await artifacts.readJson<FeatureImportance[]>(importance),
    slices: sliceMetrics(evaluation),
    ...(floors.length === 0 ? {} : { sliceFloor: Math.max(...floors) }),
    params,
    trials,
    artifacts: Object.fromEntries(
      Object.entries(run.artifacts).map(([name, { sha256, bytes }]) => [name, { sha256, bytes }]),
    ),
    modelCard: (await artifacts.readBytes(artifactOf(run, 'model-card.md'))).toString('utf8'),
  };
}

function shownOrigin({ version: _version, ...client }: NonNullable<TrainingInputs['client']>): ClientOrigin {
  return client;
}
