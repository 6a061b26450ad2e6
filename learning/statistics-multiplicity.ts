/**
 * p-values adjusted for their number by Benjamini and Hochberg's step-up rule (1995): those at or below alpha are
 * discoveries with an expected share of false ones of at most alpha. Same order as given; NaN (a test that could not
 * be made) stays NaN and does not count.
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const adjusted = pValues.map(() => Number.NaN);
  const ranked = pValues
    .map((p, index) => ({ p, index }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => b.p - a.p);
  let smallest = 1;
  ranked.forEach(({ p, index }, position) => {
    smallest = Math.min(smallest, p * (ranked.length / (ranked.length - position)));
    adjusted[index] = smallest;
  });
  return adjusted;
}
