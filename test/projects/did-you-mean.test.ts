import { describe, expect, it } from 'vitest';
import { didYouMean } from '../../projects/did-you-mean.ts';

describe('didYouMean', () => {
  it.each([
    ['lable', 'label'],
    ['Label', 'label'],
    ['features_views', 'feature_views'],
    ['splt', 'split'],
    ['onlin', undefined],
    ['', undefined],
    ['x'.repeat(10_000), undefined],
  ])('%j: %j', (found, expected) => {
    expect(didYouMean(found, ['label', 'feature_views', 'split', 'features'])).toBe(expected);
  });

  it('takes the nearest', () => {
    expect(didYouMean('feature', ['features_x', 'features'])).toBe('features');
  });
});
