import { durationMs } from '../contracts/durations.ts';
import { SuperstepError } from '../contracts/failure-types.ts';
import type { MonitorAction, MonitorVerdict } from '../contracts/monitor-model.ts';
import type { MonitorDefinition } from '../contracts/schemas/project.ts';

export interface ActionEvidence {
  readonly verdict: MonitorVerdict;
  readonly dataQuality: {
    /** Share of the window's rows that expectations dropped or quarantined. */
    readonly refusedShare: number;
    /** Whether an expectation stopped a refresh of the window. */
    readonly stopped: boolean;
  };
  readonly policy: MonitorDefinition;
  /** The version in Production now; null without one. */
  readonly currentProduction: number | null;
  /** The version that made the window's predictions; null where it was not one alone. */
  readonly windowVersion: number | null;
}

export interface MonitorDecision {
  readonly action: MonitorAction;
  /** Sentences for a person. */
  readonly reasons: readonly string[];
}

/**
 * What follows from a verdict under the project's policy. Quality decides, drift alone alerts: inputs move with the
 * season, and retraining on that cries wolf. Nothing is retrained on a window that failed its data-quality checks, nor
 * for a version that has been replaced meanwhile. Cool-down, budget and the lease of one retraining at a time are the
 * registry's to check, after this says `retrain`.
 */
export function decideAction(evidence: ActionEvidence): MonitorDecision {
  const { verdict, policy } = evidence;
  const broken = brokenData(evidence);
  if (broken !== undefined) return { action: 'alert', reasons: [broken] };
  if (verdict === 'drifted') return { action: 'alert', reasons: ['Drift alone alerts; only quality retrains.'] };
  if (verdict !== 'degraded') return { action: 'none', reasons: [] };
  const obstacle = replacedVersion(evidence);
  if (obstacle !== undefined) return { action: 'alert', reasons: [obstacle] };
  if (policy.retrain.when === 'never') {
    return { action: 'alert', reasons: ["Quality fell, and the project's policy never retrains by itself."] };
  }
  return { action: 'retrain', reasons: ["Quality fell by more than the policy's tolerance."] };
}

function brokenData({ dataQuality: { refusedShare, stopped }, policy }: ActionEvidence): string | undefined {
  if (stopped) return 'An expectation stopped a refresh of this window: repair the data; nothing is retrained on it.';
  if (refusedShare <= policy.max_refused) return undefined;
  return `Expectations refused ${percent(refusedShare)} of the window's rows, more than ${percent(policy.max_refused)}: repair the data; nothing is retrained on it.`;
}

function replacedVersion({ currentProduction, windowVersion }: ActionEvidence): string | undefined {
  if (windowVersion !== null && windowVersion === currentProduction) return undefined;
  const judged = windowVersion === null ? 'more than one version' : `version ${windowVersion}`;
  const current = currentProduction === null ? 'there is no Production' : `Production is version ${currentProduction}`;
  return `The window was scored by ${judged}, and ${current}: what it shows is no reason to retrain the current one.`;
}

/** How many retrainings a span of as-of time may hold. */
export interface RetrainBudget {
  readonly count: number;
  readonly perMs: number;
}

/** Reads `2 per 30d`. `InvalidInput` for anything else. */
export function parseBudget(text: string): RetrainBudget {
  const match = /^([1-9]\d*) per ([1-9]\d*[hd])$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new SuperstepError(
      'InvalidInput',
      `"${text}" is no retraining budget; expected a count and a span, for example "2 per 30d"`,
      { found: text },
    );
  }
  return { count: Number(match[1]), perMs: durationMs(match[2]) };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
