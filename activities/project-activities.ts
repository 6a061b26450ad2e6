import type { z } from 'zod';
import type { AcceptedInput, AcceptInput } from '../contracts/accept-input.ts';
import { durationMs, shiftInstant } from '../contracts/durations.ts';
import type { Environment } from '../contracts/environments.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import { WORKFLOW_INPUTS } from '../contracts/schemas/workflow-inputs.ts';
import type { PinnedProject } from '../contracts/training.ts';
import type { WorkflowType } from '../contracts/workflow-ids.ts';
import { findProjectFolder } from '../projects/find-project.ts';
import { gitState } from '../projects/git-state.ts';
import { holdAgainstPolicy } from '../projects/hold-against-policy.ts';
import { effectivePolicy } from '../projects/effective-policy.ts';
import { loadPolicy } from '../projects/load-policy.ts';
import { loadProject } from '../projects/load-project.ts';
import { toPinnedBundle } from '../projects/pin-project.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import { readBundle } from './pinned-bundles.ts';

export interface ProjectDependencies {
  readonly artifacts: ArtifactStore;
  readonly environment: Environment;
  readonly projectRoots: readonly string[];
  readonly policies: string;
}

export type ProjectActivities = ReturnType<typeof createProjectActivities>;

const DAY_MS = 86_400_000;
/** What these write rests on the project's code: where the policy asks for it, on code that is committed. */
const RELEASED_CODE_ONLY: readonly WorkflowType[] = ['refreshFeatures', 'trainModel', 'trainToDeploy'];
const WINDOWED: readonly WorkflowType[] = ['scoreBatch', 'monitorModel'];

/** The edge: what a caller sent is parsed, and the project and the policy are read once and pinned by digest. */
export function createProjectActivities(deps: ProjectDependencies) {
  return {
    async acceptInput({ workflow, input, now }: AcceptInput): Promise<AcceptedInput<{ readonly project: string }>> {
      const parsed = parseInput(workflow, WORKFLOW_INPUTS[workflow], input);
      const pinned = await pinProject(deps, parsed.project, RELEASED_CODE_ONLY.includes(workflow));
      const asOf = 'asOf' in parsed && parsed.asOf !== undefined ? parsed.asOf : now;
      refuseFuture(workflow, asOf, now);
      const window = WINDOWED.includes(workflow) ? await completeWindow(deps, pinned, asOf, parsed) : {};
      return { input: { ...parsed, ...window }, asOf, pinned, environment: deps.environment };
    },
  };
}

/** Parses a workflow's argument; `InvalidInput` names each field, what was found and what was expected. */
export function parseInput<Schema extends z.ZodType>(
  workflow: WorkflowType,
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    (issue) => `${issue.path.length === 0 ? 'input' : issue.path.join('.')}: ${issue.message}`,
  );
  const found = input === undefined ? 'no input' : JSON.stringify(input).slice(0, 300);
  throw new SuperstepError(
    'InvalidInput',
    `${workflow} cannot start: ${faults.join('; ')}. Found ${found}; docs/workflows.md has the fields`,
    {
      issues: faults,
    },
  );
}

/**
 * Pins a project as its folder is, under today's policy.
 *
 * @throws DirtyProject where only released code may be used, and the folder differs from its commit
 */
export async function pinProject(
  deps: ProjectDependencies,
  name: string,
  releasedOnly: boolean,
): Promise<PinnedProject> {
  const folder = await findProjectFolder(name, deps.projectRoots);
  const loaded = await loadProject(folder, name);
  const { policy: whole, digest } = await loadPolicy(deps.policies, deps.environment);
  const effective = effectivePolicy(whole, name, loaded.definition.risk_tier);
  const { policy } = effective;
  holdAgainstPolicy(loaded.definition, policy, {
    project: `${name}/project.yaml`,
    policy: `policies/${deps.environment}.yaml`,
  });
  const { commit, clean } = await gitState(folder, ['project.yaml', ...Object.keys(loaded.files)]);
  if (releasedOnly && clean === false && policy.compliance.require.includes('clean_commit')) {
    throw new SuperstepError(
      'DirtyProject',
      `${name} has changes that are not committed, and ${deps.environment} runs released code only; commit them, or work in dev`,
      { project: name, commit },
    );
  }
  const bundle = await deps.artifacts.putJson(toPinnedBundle(loaded, effective));
  return { project: name, model: name, projectDigest: loaded.digest, policyDigest: digest, bundle, commit, clean };
}

/** A refresh as of 2101 would know everything, and each later one nothing new. */
function refuseFuture(workflow: WorkflowType, asOf: string, now: string): void {
  if (asOf <= now) return;
  throw new SuperstepError(
    'InvalidInput',
    `${workflow} cannot start as of ${asOf}: it is ${now} now; expected an asOf that has passed`,
    {
      asOf,
      now,
    },
  );
}

/**
 * The window that was asked for; what was left out is filled in: `until` is the last midnight before the instant, `from`
 * lies the project's monitor window before it.
 */
async function completeWindow(
  deps: ProjectDependencies,
  pinned: PinnedProject,
  instant: string,
  asked: { readonly project: string; readonly from?: string | undefined; readonly until?: string | undefined },
): Promise<{ from: string; until: string }> {
  const { definition } = await readBundle(deps.artifacts, pinned);
  const until = asked.until ?? new Date(Math.floor(Date.parse(instant) / DAY_MS) * DAY_MS).toISOString();
  const from = asked.from ?? shiftInstant(until, -durationMs(definition.monitor.window));
  if (from < until) return { from, until };
  throw new SuperstepError(
    'InvalidInput',
    `the window begins at ${from} and ends at ${until}, the last midnight; expected "from" before "until": name both`,
    { from, until },
  );
}
