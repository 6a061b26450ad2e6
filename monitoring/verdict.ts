import { durationMs } from '../contracts/durations.ts';
import type { Estimate } from '../contracts/gates.ts';
import type { MonitorVerdict } from '../contracts/monitor-model.ts';
import type { MonitorDefinition } from '../contracts/schemas/project.ts';
import type { BaselineQuality } from './baseline-profile.ts';
import type { ColumnDrift } from './column-drift.ts';

/** A window with fewer rows says nothing about fifty bins: chance alone gives them a PSI of about 0.1. */
const LEAST_ROWS = 500;

const DAY_MS = 86_400_000;

/** ISO instants; `from` is in the window, `until` is not. */
export interface MonitorWindow {
  readonly from: string;
  readonly until: string;
}

/** All that a verdict rests on. */
export interface WindowEvidence {
  readonly window: MonitorWindow;
  readonly asOf: string;
  readonly rows: number;
  /** Distinct days, UTC, with at least one of the rows. */
  readonly coveredDays: number;
  readonly labelledShare: number;
  /** AUC with its day-block interval; null without both labels. */
  readonly quality: Estimate | null;
  readonly baselineQuality: BaselineQuality;
  readonly drift: readonly ColumnDrift[];
}

export interface WindowVerdict {
  readonly verdict: MonitorVerdict;
  /** Sentences for a person, the verdict's own first. */
  readonly reasons: readonly string[];
}

/**
 * Judges a window under a project's monitor definition: `insufficient-data` where it is too short, not over, too small, with
 * rows of too few days or too little labelled; `degraded` where the quality's upper bound lies more than the tolerance below the baseline's
 * quality; `drifted` where a column drifted; else `healthy`. Degraded outranks drifted: quality is what matters, drift explains it. What else was seen is told in the reasons, whatever the
 * verdict.
 */
export function judgeWindow(evidence: WindowEvidence, definition: MonitorDefinition): WindowVerdict {
  const missing = whatIsMissing(evidence, definition);
  const decline = qualityDecline(evidence, definition.retrain.tolerance);
  const drifts = driftSentences(evidence.drift, definition.drift);
  if (missing.length > 0) return { verdict: 'insufficient-data', reasons: [...missing, ...drifts] };
  if (decline !== undefined) return { verdict: 'degraded', reasons: [decline, ...drifts] };
  if (drifts.length > 0) return { verdict: 'drifted', reasons: [...drifts, ...qualityKept(evidence)] };
  return { verdict: 'healthy', reasons: ['No column drifted.', ...qualityKept(evidence)] };
}

function whatIsMissing(evidence: WindowEvidence, definition: MonitorDefinition): string[] {
  const { window, asOf, rows, coveredDays, labelledShare, quality } = evidence;
  const reasons: string[] = [];
  const span = Date.parse(window.until) - Date.parse(window.from);
  if (span < durationMs(definition.window)) {
    reasons.push(`The window spans ${days(span)}; the project's monitor asks for ${definition.window}.`);
  }
  if (Date.parse(window.until) > Date.parse(asOf)) {
    reasons.push(`The window ends at ${window.until}, after ${asOf}, as of which it is looked at.`);
  }
  if (rows < LEAST_ROWS) reasons.push(`The window has ${rows} rows; at least ${LEAST_ROWS} are needed.`);
  const daysNeeded = Math.max(1, Math.ceil(durationMs(definition.window) / DAY_MS));
  // Without any row, the sentence before says it all.
  if (rows > 0 && coveredDays < daysNeeded) {
    reasons.push(`The rows cover ${coveredDays} of the ${daysNeeded} days that the project's monitor asks for.`);
  }
  if (rows > 0 && labelledShare < definition.min_labelled) {
    reasons.push(
      `Labels are known for ${percent(labelledShare)} of the rows; at least ${percent(definition.min_labelled)} are needed.`,
    );
  } else if (rows > 0 && quality === null) {
    reasons.push('The labelled rows all have the same label, so that there is no AUC.');
  }
  return reasons;
}

function qualityDecline({ quality, baselineQuality }: WindowEvidence, tolerance: number): string | undefined {
  if (quality === null || quality.upper >= baselineQuality.value - tolerance) return undefined;
  return `Quality fell: AUC ${interval(quality)}, against ${baselineQuality.value.toFixed(4)} on the held-out rows; even its upper bound lies more than ${tolerance} below.`;
}

function qualityKept({ quality, baselineQuality }: WindowEvidence): string[] {
  if (quality === null) return [];
  const told = `AUC ${interval(quality)}, against ${baselineQuality.value.toFixed(4)} on the held-out rows`;
  // One day has no interval: it is all of [0, 1] then.
  if (quality.upper - quality.lower >= 1) return [`${told}: too few days for an interval, so it is not judged.`];
  return [`Quality held: ${told}.`];
}

function driftSentences(drift: readonly ColumnDrift[], policy: MonitorDefinition['drift']): string[] {
  return drift
    .filter(({ drifted }) => drifted)
    .sort((a, b) => b.psi - a.psi)
    .map(
      ({ column, psi, adjustedP, mostMoved }) =>
        `${column} drifted: PSI ${psi.toFixed(3)} (floor ${policy.psi_at_least}), adjusted p ${probability(adjustedP)}; most moved ${mostMoved}.`,
    );
}

function interval({ value, lower, upper }: Estimate): string {
  return `${value.toFixed(4)} (${lower.toFixed(4)} to ${upper.toFixed(4)})`;
}

function probability(p: number): string {
  return p < 1e-6 ? 'below 1e-6' : p.toPrecision(2);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function days(milliseconds: number): string {
  return `${Number((milliseconds / DAY_MS).toFixed(2))} days`;
}
