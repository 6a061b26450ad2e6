import chisquare from '@stdlib/stats-base-dists-chisquare';
import t from '@stdlib/stats-base-dists-t';

/** Quantile of Student's t distribution: the value below which a share `probability` lies. NaN where df <= 0. */
export function tQuantile(probability: number, degreesOfFreedom: number): number {
  return t.quantile(probability, degreesOfFreedom);
}

/** Half-width factor of a two-sided t-interval, for example 2.262 at confidence 0.95 and 9 degrees of freedom. */
export function tFactor(confidence: number, degreesOfFreedom: number): number {
  return tQuantile((1 + confidence) / 2, degreesOfFreedom);
}

/** Quantile of the chi-squared distribution. */
export function chiSquaredQuantile(probability: number, degreesOfFreedom: number): number {
  return chisquare.quantile(probability, degreesOfFreedom);
}

/** Probability of a chi-squared value of at least `statistic`: the p-value of a chi-squared test. */
export function chiSquaredUpperTail(statistic: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom === 0) return 1;
  return Math.min(1, Math.max(0, 1 - chisquare.cdf(statistic, degreesOfFreedom)));
}
