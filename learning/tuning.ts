import type { LightGbmParams } from './lightgbm.ts';
import { seededRandom } from './seeded-random.ts';

/**
 * Parameter sets to try: `base` itself first, then random ones around it, `trials` in all. The same seed gives the same
 * sets, and more trials only add to the end. The number of trees stays: it is the project's budget.
 */
export function proposeTrials(base: LightGbmParams, trials: number, seed: number): LightGbmParams[] {
  const random = seededRandom(seed);
  const baseLeaves = Number(base['num_leaves'] ?? 31);
  const logUniform = (from: number, to: number): number => from * (to / from) ** random();
  const proposals = Array.from({ length: Math.max(0, trials - 1) }, () => ({
    ...base,
    num_leaves: Math.max(2, Math.round(logUniform(baseLeaves / 2, baseLeaves * 2))),
    learning_rate: round(logUniform(0.03, 0.3)),
    min_data_in_leaf: Math.round(logUniform(10, 500)),
    feature_fraction: round(0.5 + random() / 2),
    lambda_l2: round(logUniform(0.01, 10)),
  }));
  return [base, ...proposals];
}

/** Index of the best AUC; of equal ones the earliest. */
export function bestTrial(trials: readonly { readonly auc: number }[]): number {
  return trials.reduce((best, trial, index) => (trial.auc > (trials[best]?.auc ?? -Infinity) ? index : best), 0);
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
