/** How many approvers, or how many of each role; an approver fills one place only. */
export type Quorum = number | Readonly<Record<string, number>>;

/**
 * How many more approvers a quorum wants, given the roles of each who has approved. Somebody with two roles fills the
 * place where it helps most: as many places as can be filled at once are filled (a maximum matching). At least one
 * approver is always wanted, whatever the quorum says.
 */
export function approversMissing(quorum: Quorum, approvers: readonly (readonly string[])[]): number {
  const atLeastOne = approvers.length === 0 ? 1 : 0;
  if (typeof quorum === 'number') return Math.max(atLeastOne, quorum - approvers.length);
  const places = Object.values(quorum).reduce((sum, count) => sum + count, 0);
  return Math.max(atLeastOne, places - mostPlacesFilled(quorum, approvers));
}

/** A quorum in words: `2 of governance, ml-lead`, or `1 governance, 1 ml-lead`. */
export function quorumText(quorum: Quorum, roles: readonly string[]): string {
  if (typeof quorum === 'number') return `${quorum} of ${roles.join(', ')}`;
  return Object.entries(quorum)
    .map(([role, count]) => `${count} ${role}`)
    .join(', ');
}

function mostPlacesFilled(quorum: Readonly<Record<string, number>>, approvers: readonly (readonly string[])[]): number {
  const seated = new Map<string, number[]>();
  /** Seats an approver, if need be by letting somebody move to another of their roles. */
  const seat = (approver: number, tried: Set<string>): boolean => {
    for (const role of approvers[approver] ?? []) {
      if (!Object.hasOwn(quorum, role) || tried.has(role)) continue;
      tried.add(role);
      const sitting = seated.get(role) ?? [];
      if (sitting.length < (quorum[role] ?? 0)) {
        seated.set(role, [...sitting, approver]);
        return true;
      }
      const moved = sitting.findIndex((other) => seat(other, tried));
      if (moved === -1) continue;
      seated.set(role, [...sitting.filter((_, place) => place !== moved), approver]);
      return true;
    }
    return false;
  };
  return approvers.filter((_, approver) => seat(approver, new Set())).length;
}
