import fc from 'fast-check';
import { expect, it } from 'vitest';
import { offsetOf, pageTokenOf } from '../../../registry/search/page-token.ts';

it('writes the tokens that MLflow writes', () => {
  expect(pageTokenOf(1)).toBe('eyJvZmZzZXQiOiAxfQ==');
});

it('reads what it wrote, and begins at the start without one', () => {
  fc.assert(fc.property(fc.nat(), (offset) => offsetOf(pageTokenOf(offset)) === offset));
  expect(offsetOf(undefined)).toBe(0);
  expect(offsetOf('')).toBe(0);
});

it.each(['xx', '!', 'e30=', ' ', btoa('{"offset": -1}'), btoa('{"offset": 1e9}'), btoa('[1]'), 'A'.repeat(10_000_000)])(
  'refuses a token that it never wrote (%#)',
  (token) => {
    expect(() => offsetOf(token)).toThrow(expect.objectContaining({ type: 'InvalidInput' }) as Error);
  },
);
