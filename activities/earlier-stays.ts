import type { EarlierStay } from '../contracts/evidence.ts';
import type { ProductionStay } from '../registry/production-history.ts';

/** Whoever decides must know that a version was taken out of Production once, and why. */
export function earlierStaysOf(version: number, history: readonly ProductionStay[]): EarlierStay[] {
  return history.flatMap(({ version: served, enteredAt: from, leftAt: until, rolledBackFrom: rolledBack }, i) => {
    if (served !== version || until === null) return [];
    // A stay ends where the next begins, or with the version.
    const next = history[i + 1];
    const successor = next?.enteredAt === until ? next : undefined;
    const reason = successor?.reason ?? 'nothing took its place';
    return [{ from, until, rolledBack, by: successor?.decidedBy ?? [], reason }];
  });
}
