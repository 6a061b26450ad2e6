import { durationMs } from '../contracts/durations.ts';
import type { DecideRetrainingInput, RetrainingDecision } from '../contracts/monitor-model.ts';
import { workflowId } from '../contracts/workflow-ids.ts';
import { decideAction, parseBudget } from '../monitoring/retrain-policy.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { Registry } from '../registry/registry.ts';
import { readBundle } from './pinned-bundles.ts';

export type RetrainingActivities = ReturnType<typeof createRetrainingActivities>;

// A superstep that ended without letting go of its lease was terminated; a day later the next may begin.
const LEASE_MS = 86_400_000;

/** The deciding half of `monitorModel`: the project's policy, then the registry's lease, cool-down and budget. */
export function createRetrainingActivities({
  registry,
  artifacts,
}: {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
}) {
  return {
    /** What is done about a window; all but nothing is told to those who must know. */
    async decideRetraining(input: DecideRetrainingInput): Promise<RetrainingDecision> {
      const decision = await decide({ registry, artifacts }, input);
      const { summary, verdict } = input.monitored;
      if (decision.action !== 'none') {
        const { action, retraining } = decision;
        // What is done about it first: a hundred columns may have drifted.
        const reasons = [...decision.reasons, ...input.monitored.reasons];
        const window = `${summary.from}/${summary.until}`;
        const { model } = input.pinned;
        await registry.recordAlert({ model, version: summary.version, window, action, verdict, reasons, retraining });
      }
      return decision;
    },

    async releaseRetrainingLease({
      model,
      holder,
    }: {
      readonly model: string;
      readonly holder: string;
    }): Promise<void> {
      await registry.releaseRetrainingLease({ model, holder });
    },
  };
}

async function decide(
  { registry, artifacts }: { readonly registry: Registry; readonly artifacts: ArtifactStore },
  { pinned, monitored, asOf }: DecideRetrainingInput,
): Promise<RetrainingDecision> {
  const { definition } = await readBundle(artifacts, pinned);
  const { summary, verdict, dataQuality } = monitored;
  const production = await registry.productionVersion(pinned.model);
  const decided = decideAction({
    verdict,
    dataQuality,
    policy: definition.monitor,
    currentProduction: production?.version ?? null,
    windowVersion: summary.version,
  });
  if (decided.action !== 'retrain') return { ...decided, retraining: null };

  const { cool_down, at_most } = definition.monitor.retrain;
  const holder = workflowId('trainToDeploy', pinned.project, `monitor-${day(summary.from)}-${day(summary.until)}`);
  const lease = await registry.acquireRetrainingLease({
    model: pinned.model,
    holder,
    asOf,
    window: `${summary.from}/${summary.until}`,
    coolDownMs: durationMs(cool_down),
    atMost: parseBudget(at_most),
    leaseMs: LEASE_MS,
  });
  if (lease.granted) return { ...decided, retraining: holder };
  return { action: 'alert', reasons: [...decided.reasons, `Not started: ${lease.why}`], retraining: null };
}

/** The day where a window begins or ends at midnight, as most do; else the whole instant. */
function day(instant: string): string {
  return instant.replace('T00:00:00.000Z', '');
}
