export interface BackOff {
  /** Wait before the first restart. */
  readonly firstMs: number;
  /** The longest wait. */
  readonly lastMs: number;
  /** A process that lived at least this long starts from `firstMs` again. */
  readonly healthyMs: number;
}

/** The wait before the next restart in milliseconds: twice the one before, within bounds. `beforeMs` is 0 at first. */
export function nextBackOff(backOff: BackOff, beforeMs: number, livedMs: number): number {
  if (beforeMs === 0 || livedMs >= backOff.healthyMs) return backOff.firstMs;
  return Math.min(beforeMs * 2, backOff.lastMs);
}
