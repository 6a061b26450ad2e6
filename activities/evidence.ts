import { renderEvidencePage } from '../console/evidence-page.ts';
import {
  type CandidateEvidence,
  type DecisionCommand,
  EVIDENCE_SCHEMA,
  type FeatureImportance,
} from '../contracts/evidence.ts';
import { SHORTEST_DIGEST } from '../contracts/approval.ts';
import type { PreparedEvidence, PrepareEvidenceInput } from '../contracts/promote-model.ts';
import { canonicalJson, sha256Hex } from '../registry/canonical-json.ts';
import type { ComparisonReport } from './compare-on-held-out.ts';
import type { EvaluationReport } from './held-out.ts';
import { dataWindow, sliceMetrics } from './model-card-facts.ts';
import { readBundle } from './pinned-bundles.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';
import { artifactOf, readLineage } from './training-inputs.ts';

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
  const { dataset, params, trials, workflowId } = inputs;
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
    importance: await artifacts.readJson<FeatureImportance[]>(artifactOf(run, 'importance.json')),
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

/** What a person pastes to answer: what answers back first; where names are no proof, only what proves itself. */
function decisionCommands(
  { temporalAddress, environment }: PromotionDependencies,
  { workflowId, candidate }: PrepareEvidenceInput,
  digest: string,
): DecisionCommand[] {
  const { proof = 'claimed' } = candidate.approval;
  const evidence = digest.slice(0, SHORTEST_DIGEST);
  const address = `--address ${temporalAddress} -n ${environment}`;
  const update = `npm run temporal -- workflow update execute ${address} -w ${workflowId} --name decide`;
  if (proof === 'claimed') return claimCommands(update, `${address} -w ${workflowId}`, evidence);
  const decide = (decision: string): string =>
    `npm run decide -- ${decision} ${workflowId} ${address} --evidence ${evidence} --comment 'WHY'`;
  return [
    { purpose: 'Approve', command: decide('approve') },
    { purpose: 'Reject', command: decide('reject') },
    ...(proof === 'signature'
      ? [{ purpose: 'Send what was signed elsewhere', command: `${update} --input-file DECISION.json` }]
      : []),
  ];
}

/** The update first, since it answers back; the signals beside it. */
function claimCommands(update: string, where: string, evidence: string): DecisionCommand[] {
  const payload = (fields: Readonly<Record<string, string>>): string =>
    `'${JSON.stringify({ ...fields, approver: 'governance', comment: 'WHY', evidence })}'`;
  const signal = `npm run temporal -- workflow signal ${where}`;
  return [
    { purpose: 'Approve', command: `${update} --input ${payload({ decision: 'approve' })}` },
    { purpose: 'Reject', command: `${update} --input ${payload({ decision: 'reject' })}` },
    { purpose: 'Approve by signal', command: `${signal} --name approve --input ${payload({})}` },
    { purpose: 'Reject by signal', command: `${signal} --name reject --input ${payload({})}` },
  ];
}
