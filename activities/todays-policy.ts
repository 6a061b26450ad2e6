import type { PinnedBundle } from '../contracts/pinned-bundle.ts';
import type { Policy } from '../contracts/schemas/policy.ts';
import type { PinnedProject } from '../contracts/training.ts';
import { effectivePolicy } from '../projects/effective-policy.ts';
import { gitState } from '../projects/git-state.ts';
import { holdAgainstPolicy } from '../projects/hold-against-policy.ts';
import { loadPolicy, type LoadedPolicy } from '../projects/load-policy.ts';
import { readBundle } from './pinned-bundles.ts';
import type { PromotionDependencies } from './promotion-dependencies.ts';
import { findLineage } from './training-inputs.ts';

type PolicyDependencies = Pick<PromotionDependencies, 'registry' | 'artifacts' | 'policies' | 'environment'>;

/** The environment's policy as it stands; that it is another one than before is written down. */
export async function todaysPolicy({ registry, policies, environment }: PolicyDependencies): Promise<LoadedPolicy> {
  const loaded = await loadPolicy(policies, environment);
  const { commit, clean } = await gitState(policies, [`${environment}.yaml`]);
  await registry.notePolicy({ digest: loaded.digest, content: loaded.policy, commit: clean === true ? commit : null });
  return loaded;
}

/** A policy's rules for what is in Production of a model: with the risk tier that is confirmed, or that its project names. */
export async function policyForModel(
  deps: Pick<PromotionDependencies, 'registry' | 'artifacts'>,
  whole: Policy,
  model: string,
): Promise<Policy> {
  // Nothing is read where the answer is certain: a rollback is urgent.
  const isCertain = Object.hasOwn(whole.models, model) || Object.keys(whole.tiers).length === 0;
  return effectivePolicy(whole, model, isCertain ? undefined : await tierNamedInProduction(deps, model)).policy;
}

async function tierNamedInProduction(
  { registry, artifacts }: Pick<PromotionDependencies, 'registry' | 'artifacts'>,
  model: string,
): Promise<string | undefined> {
  const record = await registry.productionVersion(model);
  const lineage = record === undefined ? undefined : await findLineage(registry, record);
  if (lineage === undefined) return undefined;
  return (await readBundle(artifacts, lineage.inputs.pinned)).definition.risk_tier;
}

/** A project as a version was trained from it, under the policy of today instead of the one of then. */
export interface RepinnedProject {
  readonly pinned: PinnedProject;
  readonly bundle: PinnedBundle;
}

/** @throws InvalidProject when the project, as it was then, loosens the policy of today */
export async function pinUnderTodaysPolicy(
  deps: PolicyDependencies,
  model: string,
  trained: PinnedProject,
): Promise<RepinnedProject> {
  const then = await readBundle(deps.artifacts, trained);
  const { policy: whole, digest } = await todaysPolicy(deps);
  const { policy, riskTier } = effectivePolicy(whole, model, then.definition.risk_tier);
  holdAgainstPolicy(then.definition, policy);
  const bundle = { ...then, policy, riskTier };
  return { pinned: { ...trained, policyDigest: digest, bundle: await deps.artifacts.putJson(bundle) }, bundle };
}
