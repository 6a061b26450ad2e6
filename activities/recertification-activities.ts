import { SuperstepError } from '../contracts/failure-types.ts';
import type { GateResult } from '../contracts/gates.ts';
import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type {
  RecertificationFinding,
  RecertifiedModel,
  RecertifyModelInput,
  RecertifyModelsInput,
} from '../contracts/recertify-models.ts';
import { WORKFLOW_INPUTS } from '../contracts/schemas/workflow-inputs.ts';
import { effectivePolicy } from '../projects/effective-policy.ts';
import { checkCompliance } from '../registry/compliance-gate.ts';
import { recertificationFindings, type StandingApproval } from '../registry/governance/recertification.ts';
import { applyWaivers } from '../registry/governance/waivers.ts';
import type { ModelVersionRecord } from '../registry/model-versions.ts';
import { complianceFacts } from './compliance-facts.ts';
import { measureParity } from './measure-parity.ts';
import { parseInput } from './project-activities.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';
import { pinUnderTodaysPolicy, todaysPolicy } from './todays-policy.ts';
import { modelFile, readLineage } from './training-inputs.ts';

export type RecertificationActivities = ReturnType<typeof createRecertificationActivities>;

/** What is in Production, held against today's policy and today's libraries. Nothing is taken out of Production. */
export function createRecertificationActivities(deps: PromotionDependencies) {
  const { registry } = deps;
  return {
    /** The models to look at: the one asked for, or all with a version in Production. */
    async modelsInProduction({ input }: { readonly input: unknown }): Promise<{
      readonly models: readonly string[];
      readonly input: RecertifyModelsInput;
    }> {
      const accepted = parseInput('recertifyModels', WORKFLOW_INPUTS.recertifyModels, input) as RecertifyModelsInput;
      const models = (await registry.productionVersions()).map(({ model }) => model);
      return { models: models.filter((model) => (accepted.model ?? model) === model), input: accepted };
    },

    /** Holds one model against today and writes down what was found; null when nothing of it is in Production any more. */
    async recertifyModel({ model, review, workflowId, runId }: RecertifyModelInput): Promise<RecertifiedModel | null> {
      const record = await registry.productionVersion(model);
      if (record === undefined) return null;
      const { version } = record;
      const findings = await findingsOf(deps, record, review !== null);
      const naturalKey = `${workflowId}/${runId}/${model}/${version}`;
      await registry.recordRecertification({ naturalKey, model, version, findings, review, workflowId });
      return { model, version, findings };
    },
  };
}

async function findingsOf(
  deps: PromotionDependencies,
  record: ModelVersionRecord,
  reviewed: boolean,
): Promise<RecertificationFinding[]> {
  const { registry } = deps;
  const { model, version } = record;
  const now = new Date().toISOString();
  const stay = await registry.productionAt(model, now);
  const { compliance, bundle } = await complianceToday(deps, record, now);
  const policy = bundle?.policy ?? effectivePolicy((await todaysPolicy(deps)).policy, model, undefined).policy;
  const ofModel = await registry.conditions(model);
  return recertificationFindings({
    model,
    version,
    policy,
    compliance,
    approvals: await approvalsOf(deps, stay?.requestId ?? null),
    enteredAt: stay?.enteredAt ?? record.createdAt,
    enteredThrough: stay?.enteredThrough ?? 'an unknown way',
    conditions: ofModel.filter((condition) => condition.version === version),
    lastReview: reviewed ? now : await registry.lastReview({ model, version }),
    now,
  });
}

async function approvalsOf({ registry }: PromotionDependencies, requestId: string | null): Promise<StandingApproval[]> {
  if (requestId === null) return [];
  const counted = await registry.countedDecisions(requestId);
  return counted
    .filter(({ decision }) => decision === 'approve')
    .map(({ approver, roles, proof }) => ({ approver, roles, proof }));
}

/** Today's compliance gate; what keeps it from being run is a finding itself. */
async function complianceToday(
  deps: PromotionDependencies,
  record: ModelVersionRecord,
  now: string,
): Promise<{ readonly compliance: GateResult; readonly bundle: PinnedBundle | null }> {
  const { registry, artifacts } = deps;
  const { model, version } = record;
  try {
    const lineage = await readLineage(registry, record);
    const { run, inputs } = lineage;
    const { pinned, bundle } = await pinUnderTodaysPolicy(deps, model, inputs.pinned);
    const facts = await complianceFacts({ registry, artifacts }, { model, version, pinned });
    const sample = run.artifacts['parity-sample.json'];
    // Measured anew: another runtime, another processor, and the same file may score otherwise.
    const parity =
      sample === undefined ? null : await measureParity(deps, { ...modelFile(lineage), sample, threads: 1 });
    const checked = checkCompliance({ ...facts, parity }, bundle.policy.compliance, bundle.definition.gates.compliance);
    return { compliance: applyWaivers(checked, await registry.activeWaivers(model, version, now)), bundle };
  } catch (error) {
    if (!(error instanceof SuperstepError) || error.type === 'RegistryUnavailable') throw error;
    return { compliance: cannotBeChecked(error), bundle: null };
  }
}

function cannotBeChecked(error: SuperstepError): GateResult {
  const expected = 'a version that the compliance gate can judge by the policy of today';
  return {
    gate: 'compliance',
    verdict: 'fail',
    summary: error.message,
    checks: [{ name: error.type, verdict: 'fail', expected, found: error.message }],
  };
}
