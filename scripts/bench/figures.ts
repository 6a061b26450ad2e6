/** A bound that the figure is held against; a report shows a miss, it does not fail. */
export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** What the figure is compared with: measured in the same run, so that the machine's mood is in both. */
export interface Limit {
  readonly name: string;
  readonly value: number;
  /** The figure divided by the limit. */
  readonly ratio: number;
}

/** One measured number. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: Target;
  readonly limit?: Limit;
  /** What `value` was chosen from, in the order of measuring; one value where it was measured once. */
  readonly samples: readonly number[];
  /** How it was measured, and what makes it noisy. */
  readonly note: string;
}

/** Holds a figure against a limit of the same unit. */
export function limitOf(value: number, name: string, limit: number): Limit {
  return { name, value: limit, ratio: value / limit };
}

/** Whether a figure keeps its target; undefined without one. */
export function meetsTarget({ value, target }: Pick<Figure, 'value' | 'target'>): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}

/** The smallest of some measurements: what other processes add to a time is never negative. */
export function least(samples: readonly number[]): number {
  return Math.min(...samples);
}

/**
 * A percentile by the nearest rank: the smallest value that at least `percent` of all do not exceed.
 *
 * @throws RangeError without values.
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (found === undefined) throw new RangeError(`the ${percent}th percentile of no values was asked for`);
  return found;
}
