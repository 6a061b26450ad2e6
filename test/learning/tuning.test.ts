import { describe, expect, it } from 'vitest';
import { bestTrial, proposeTrials } from '../../learning/tuning.ts';

const base = { num_leaves: 31, num_iterations: 100, learning_rate: 0.1 };

describe('proposeTrials', () => {
  it('starts with the given parameters, and more trials only add', () => {
    const five = proposeTrials(base, 5, 7);
    expect(five[0]).toEqual(base);
    expect(proposeTrials(base, 8, 7).slice(0, 5)).toEqual(five);
    expect(proposeTrials(base, 5, 8)[1]).not.toEqual(five[1]);
    expect(proposeTrials(base, 1, 7)).toEqual([base]);
  });

  it('keeps the number of trees and stays near the given size', () => {
    for (const trial of proposeTrials(base, 100, 7)) {
      expect(trial['num_iterations']).toBe(100);
      expect(trial['num_leaves']).toBeGreaterThanOrEqual(15);
      expect(trial['num_leaves']).toBeLessThanOrEqual(62);
    }
  });
});

describe('bestTrial', () => {
  it('is the highest, of equal ones the earliest', () => {
    expect(bestTrial([{ auc: 0.7 }, { auc: 0.8 }, { auc: 0.8 }, { auc: 0.6 }])).toBe(1);
  });
});
