import type { MonitorDefinition } from '../contracts/schemas/project.ts';
import { benjaminiHochberg } from '../learning/statistics-multiplicity.ts';
import { cellLabel, cellPositions } from './binning.ts';
import type { ColumnProfile } from './column-profile.ts';
import {
  chiSquaredTwoSample,
  jsDistance,
  ksOnBins,
  lInfinity,
  poolSparseCells,
  psiTerms,
  smallestDetectablePsi,
  totalVariation,
  wasserstein,
  type TestResult,
} from './drift-metrics.ts';

/** How far a column of a window has moved from its baseline, and whether that counts. */
export interface ColumnDrift {
  readonly column: string;
  readonly psi: number;
  /** The PSI that 99 % of windows without drift stay below at these sizes; no smaller drift can be seen. */
  readonly smallestDetectablePsi: number;
  /** Jensen-Shannon distance, base 2. */
  readonly js: number;
  /** Of the values in order; null where the baseline or the window has none. */
  readonly ks: TestResult | null;
  /** Wasserstein-1 between bin middles, in the column's unit. */
  readonly wasserstein: number | null;
  /** Two-sample, cells expected to hold fewer than five rows pooled. */
  readonly chiSquared: TestResult & { readonly df: number };
  readonly totalVariation: number;
  readonly lInfinity: number;
  /** The chi-squared test's p after Benjamini-Hochberg over all columns of the window. */
  readonly adjustedP: number;
  /** Both keys: adjusted p at most alpha, and PSI at least the floor. */
  readonly drifted: boolean;
  /** The cell that adds most to the PSI, and whether it holds more or fewer rows than before. */
  readonly mostMoved: string;
}

/**
 * Compares each column of a window with the baseline's column of the same place.
 *
 * Two keys must turn. Significance alone is worthless at a window's usual size: with 100,000 rows a shift that no model
 * feels gives p < 1e-10, and rows of one day depend on each other (weather, a strike), so that p-values, which take them
 * as independent, are too small even where nothing lasting has changed. The floor on the effect carries the verdict.
 * The effect alone is not enough either: in few rows and many bins chance makes a large PSI, which the test sees through.
 */
export function measureDrift(
  baseline: readonly ColumnProfile[],
  window: readonly ColumnProfile[],
  policy: MonitorDefinition['drift'],
): ColumnDrift[] {
  const compared = window.map((current, index) => {
    const reference = baseline[index];
    if (reference?.column !== current.column) {
      throw new RangeError(`the window has ${current.column} where the baseline has ${reference?.column ?? 'nothing'}`);
    }
    return compareColumn(reference, current);
  });
  const adjusted = benjaminiHochberg(compared.map(({ chiSquared }) => chiSquared.pvalue));
  return compared.map((column, index) => {
    const adjustedP = adjusted[index] ?? 1;
    return { ...column, adjustedP, drifted: adjustedP <= policy.alpha && column.psi >= policy.psi_at_least };
  });
}

function compareColumn(reference: ColumnProfile, current: ColumnProfile): Omit<ColumnDrift, 'adjustedP' | 'drifted'> {
  const [before, now] = [reference.counts, current.counts];
  const terms = psiTerms(before, now);
  const used = before.filter((count, cell) => count + (now[cell] ?? 0) > 0).length;
  return {
    column: current.column,
    psi: terms.reduce((sum, term) => sum + term, 0),
    smallestDetectablePsi: smallestDetectablePsi(total(before), total(now), used),
    js: jsDistance(before, now),
    ...orderedDistances(reference, current),
    chiSquared: chiSquaredTwoSample(...poolSparseCells(before, now)),
    totalVariation: totalVariation(before, now),
    lInfinity: lInfinity(before, now),
    mostMoved: mostMovedCell(reference, current, terms),
  };
}

/** KS and Wasserstein need an order, so rows without a value, and values of no place, are left out. */
function orderedDistances(
  reference: ColumnProfile,
  current: ColumnProfile,
): { readonly ks: TestResult | null; readonly wasserstein: number | null } {
  const before = reference.counts.slice(0, -2);
  const now = current.counts.slice(0, -2);
  const { bins, min, max } = reference;
  if (total(before) === 0 || total(now) === 0 || min === null || max === null) return { ks: null, wasserstein: null };
  const positions = cellPositions(bins, Math.min(min, current.min ?? min), Math.max(max, current.max ?? max));
  return {
    ks: ksOnBins(before, now),
    wasserstein: wasserstein({ positions, weights: before }, { positions, weights: now }),
  };
}

function mostMovedCell(reference: ColumnProfile, current: ColumnProfile, terms: readonly number[]): string {
  const cell = terms.indexOf(Math.max(...terms));
  const before = (reference.counts[cell] ?? 0) / total(reference.counts);
  const now = (current.counts[cell] ?? 0) / total(current.counts);
  return `${cellLabel(reference.bins, cell)}: ${percent(before)} to ${percent(now)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
